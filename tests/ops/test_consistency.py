import keras
import pytest

from tlkeras.ops import largest_class_share


@pytest.mark.parametrize(("labels", "share"), [([0, 1, 1, 2], 0.5), ([2, 2, 2], 1.0), ([1], 1.0)])
def test_largest_class_share(labels, share):
    assert float(largest_class_share(keras.ops.one_hot(labels, 3))) == pytest.approx(share)
