import numpy as np
import pytest

from tlkeras.validators import entropy


def test_two_rows_by_hand():
    logits = np.log([[3.0, 1.0], [1.0, 1.0]])
    of_first = 0.75 * np.log(4 / 3) + 0.25 * np.log(4)
    assert entropy(logits) == pytest.approx(-(of_first + np.log(2)) / 2)
    assert entropy(logits + [[500.0], [-500.0]]) == pytest.approx(entropy(logits))


def test_its_ends():
    assert entropy(1e4 * np.eye(3)) == 0
    assert entropy(np.zeros((6, 4))) == pytest.approx(-np.log(4))


def test_bad_input():
    with pytest.raises(ValueError, match="`target_logits` must be finite"):
        entropy([[np.inf, 0.0]])
    with pytest.raises(ValueError, match="at least one row"):
        entropy(np.zeros((0, 3)))
