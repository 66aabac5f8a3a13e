import numpy as np
import pytest

from tlkeras.validators import source_accuracy


def test_it_is_the_share_of_right_rows():
    logits = [[3.0, 1.0, 0.0], [0.0, 1.0, 2.0], [0.0, 9.0, 2.0], [-1.0, -2.0, -3.0]]
    assert source_accuracy(logits, [0, 1, 1, 0]) == 0.75
    assert source_accuracy(logits, [0, 2, 1, 0]) == 1
    assert source_accuracy(logits, [1, 0, 2, 1]) == 0


def test_bad_input():
    with pytest.raises(ValueError, match="`source_logits` must be finite"):
        source_accuracy([[np.nan, 0.0]], [0])
    with pytest.raises(ValueError, match="one for each of the 2 rows"):
        source_accuracy(np.zeros((2, 3)), [0])
    with pytest.raises(ValueError, match="in 0..2"):
        source_accuracy(np.zeros((2, 3)), [0, 3])
