import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tlkeras.ops import auc_interval


def test_it_is_sklearns():
    random = np.random.default_rng(0)
    positives, negatives = random.integers(2, 9, 40), random.integers(0, 7, 25)  # with ties
    expected = roc_auc_score(np.repeat([1, 0], [40, 25]), np.concatenate([positives, negatives]))
    assert auc_interval(positives, negatives).value == pytest.approx(expected)
    assert auc_interval(negatives, positives).value == pytest.approx(1 - expected)


def test_the_interval_by_hand():
    """Positives 2, 3, 4 beat 1.5/3, 2.5/3, 1 of the negatives 1, 2, 3 ... variances of both give the error."""
    beaten, lost = np.array([1.5, 2.5, 3.0]) / 3, np.array([0.0, 0.5, 1.5]) / 3
    error = np.sqrt(beaten.var(ddof=1) / 3 + lost.var(ddof=1) / 3)
    found = auc_interval([2.0, 3.0, 4.0], [1.0, 2.0, 3.0], confidence=0.6827)
    assert found.value == pytest.approx(7 / 9)
    assert found.low == pytest.approx(7 / 9 - error, abs=1e-4)
    assert found.high == pytest.approx(min(7 / 9 + error, 1.0), abs=1e-4)


def test_the_interval_covers_the_truth_in_95_of_100():
    """Normal scores one standard deviation apart: the truth is the normal distribution's 0.76025 at 1 / sqrt 2."""
    random = np.random.default_rng(0)
    found = [auc_interval(random.normal(1, 1, 60), random.normal(0, 1, 40)) for _ in range(400)]
    assert 0.92 <= np.mean([one.low <= 0.76025 <= one.high for one in found]) <= 0.98


def test_perfect_scores_have_no_width():
    assert auc_interval([2.0, 3.0], [0.0, 1.0]) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize("scores", [[1.0], [1.0, np.nan], [[1.0, 2.0]]])
def test_bad_input(scores):
    with pytest.raises(ValueError, match="`positives` must be two finite scores.*Received: shape="):
        auc_interval(scores, [0.0, 1.0])
    with pytest.raises(ValueError, match="`negatives` must be"):
        auc_interval([0.0, 1.0], scores)
    with pytest.raises(ValueError, match=r"`confidence` must be in \(0, 1\)"):
        auc_interval([0.0, 1.0], [0.0, 1.0], confidence=95)
