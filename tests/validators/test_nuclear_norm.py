import numpy as np
import pytest

from tlkeras.validators import nuclear_norm

CERTAIN = 1e3


def test_two_rows_by_hand():
    share = 0.8  # [[0.8, 0.2], [0.2, 0.8]] has the singular values 1 and 0.6; the largest sum is 2
    logits = np.log([[share, 1 - share], [1 - share, share]])
    assert nuclear_norm(logits) == pytest.approx((1 + 0.6) / 2)


def test_its_ends_do_not_depend_on_the_rows():
    for rows in (12, 60):
        labels = np.arange(rows) % 4
        assert nuclear_norm(CERTAIN * np.eye(4)[labels]) == pytest.approx(1)
        assert nuclear_norm(CERTAIN * np.eye(4)[0 * labels]) == pytest.approx(0.5)
        assert nuclear_norm(np.zeros((rows, 4))) == pytest.approx(0.25)
    assert nuclear_norm(CERTAIN * np.eye(9)[:4]) == pytest.approx(1)


def test_bad_input():
    with pytest.raises(ValueError, match="`target_logits` must be finite"):
        nuclear_norm([[np.nan, 0.0]])
    with pytest.raises(ValueError, match="at least one row"):
        nuclear_norm(np.zeros(3))
