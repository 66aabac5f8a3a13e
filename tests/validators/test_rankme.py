import numpy as np
import pytest

from tlkeras.validators import rankme


def test_two_singular_values_by_hand():
    features = np.diag([3.0, 1.0])  # shares 3/4 and 1/4
    assert rankme(features) == pytest.approx(np.exp(0.75 * np.log(4 / 3) + 0.25 * np.log(4)))
    rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(2, 2)))
    assert rankme(-7 * features @ rotation) == pytest.approx(rankme(features))


def test_its_ends():
    assert rankme(np.tile(np.eye(5), (4, 1))) == pytest.approx(5)
    assert rankme(np.outer(np.arange(6), [1.0, -2.0, 3.0])) == pytest.approx(1)
    assert rankme(np.zeros((4, 3))) == 0


def test_bad_input():
    with pytest.raises(ValueError, match="`target_features` must be finite"):
        rankme([[np.nan, 1.0]])
    with pytest.raises(ValueError, match="at least one row"):
        rankme(np.zeros((0, 3)))
