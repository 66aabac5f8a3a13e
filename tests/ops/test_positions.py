import keras
import numpy as np
import pytest

from tlkeras import ops


def test_the_middle_of_every_cell_is_taken():
    x = np.arange(24).reshape(1, 4, 6)  # cells of 2 x 3: rows 1 and 3, columns 1 and 4
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(ops.coarsened(x, (2, 2))), [[[7, 10], [19, 22]]])


def test_channels_stay_and_a_map_of_that_size_is_itself():
    x = np.arange(8.0).reshape(1, 4, 2)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(ops.coarsened(x, (2,))), [[[2, 3], [6, 7]]])
    assert ops.coarsened(x, (4,)) is x


@pytest.mark.parametrize("shape", [(3,), (8,)])
def test_other_sizes_are_refused(shape):
    with pytest.raises(ValueError, match=r"or a multiple of it. Received: \(1, 4\) for"):
        ops.coarsened(np.zeros((1, 4)), shape)
