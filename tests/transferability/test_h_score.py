import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from tlkeras.transferability import h_score

RANDOM = np.random.default_rng(1)
LABELS = RANDOM.integers(0, 4, 60)


def features(columns, signal=1.0):
    return RANDOM.normal(size=(60, columns)) + signal * RANDOM.normal(size=(4, columns))[LABELS] + 3


def parts(matrix):
    """The covariance of all rows, and that of each row's class mean, by the definition."""
    means = np.stack([matrix[LABELS == label].mean(0) for label in LABELS])
    return np.cov(matrix, rowvar=False, bias=True), np.cov(means, rowvar=False, bias=True)


def test_the_plain_score_is_its_definition():
    matrix = features(5)
    covariance, between = parts(matrix)
    assert h_score(matrix, LABELS, shrinkage=False) == pytest.approx(np.trace(np.linalg.inv(covariance) @ between))


@pytest.mark.parametrize("columns", [5, 90])
def test_the_shrunk_score_is_its_definition(columns):
    matrix = features(columns)
    estimate = LedoitWolf().fit(matrix)
    between = (1 - estimate.shrinkage_) * parts(matrix)[1]
    assert h_score(matrix, LABELS) == pytest.approx(np.trace(np.linalg.inv(estimate.covariance_) @ between))


def test_both_stay_within_classes_minus_one():
    for columns in (1, 3, 59, 200):
        for signal in (0, 1, 100):
            matrix = features(columns, signal)
            for shrinkage in (True, False):
                assert 0 <= h_score(matrix, LABELS, shrinkage=shrinkage) <= 3 + 1e-9
    assert h_score(np.eye(4)[LABELS], LABELS, shrinkage=False) == pytest.approx(3)


def test_with_few_rows_the_plain_score_calls_noise_perfect_and_the_shrunk_one_does_not():
    noise, signal = features(200, signal=0), features(200, signal=2)
    assert h_score(noise, LABELS, shrinkage=False) == pytest.approx(3)
    assert h_score(noise, LABELS) < 1.5 < h_score(signal, LABELS)


def test_neither_scale_nor_shift_nor_constant_columns_matter():
    matrix = features(5)
    for shrinkage in (True, False):
        score = h_score(matrix, LABELS, shrinkage=shrinkage)
        assert h_score(1e4 * matrix - 7, LABELS, shrinkage=shrinkage) == pytest.approx(score)
    wider = np.c_[matrix, np.full(60, 5.0)]
    assert h_score(wider, LABELS, shrinkage=False) == pytest.approx(h_score(matrix, LABELS, shrinkage=False))
    assert np.isfinite(h_score(wider, LABELS))
    assert h_score(np.tile([[1.0], [-1.0]], (30, 1)), np.repeat([0, 1], [30, 30])) == pytest.approx(0)


def test_bad_input():
    with pytest.raises(ValueError, match="`features` must not all be constant"):
        h_score(np.full((60, 3), 0.1), LABELS)
    with pytest.raises(ValueError, match="NaN or infinity"):
        h_score(np.full((60, 3), np.inf), LABELS)
    with pytest.raises(ValueError, match="at least two classes"):
        h_score(features(3), np.zeros(60, int))
