import numpy as np
import pytest

from tlkeras.validators import dev_r2, importance_weighted_r2, source_r2
from tlkeras.validators.density_ratio import density_ratios

RANDOM = np.random.default_rng(0)
SOURCE, TARGET = RANDOM.normal(size=(80, 2)), RANDOM.normal(size=(90, 2)) + [0.8, 0.0]
LABELS = SOURCE[:, :1] + RANDOM.normal(0, 0.1, (80, 1))
RIGHT_ABOVE, RIGHT_BELOW = np.maximum(SOURCE[:, :1], 0), np.minimum(SOURCE[:, :1], 0)


def test_they_are_the_formulas():
    weights = density_ratios(SOURCE, TARGET)
    errors = ((RIGHT_ABOVE - LABELS) ** 2 / LABELS.var())[:, 0]
    expected = 1 - (weights * errors).sum() / weights.sum()
    assert importance_weighted_r2(RIGHT_ABOVE, LABELS, SOURCE, TARGET) == pytest.approx(expected, rel=1e-9)
    slope = np.cov(weights * errors, weights)[0, 1] / np.var(weights, ddof=1)
    expected = 1 - ((weights * errors).mean() - slope * (weights.mean() - 1))
    assert dev_r2(RIGHT_ABOVE, LABELS, SOURCE, TARGET) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("validator", [importance_weighted_r2, dev_r2])
def test_the_model_that_is_right_where_the_target_is_scores_higher(validator):
    given = LABELS[:, 0], SOURCE
    assert source_r2(RIGHT_ABOVE, LABELS) - source_r2(RIGHT_BELOW, LABELS) < 0.2
    assert validator(RIGHT_ABOVE, *given, TARGET) > validator(RIGHT_BELOW, *given, TARGET) + 0.2
    assert validator(RIGHT_ABOVE, *given, -TARGET) < validator(RIGHT_BELOW, *given, -TARGET) - 0.2


def test_bad_input():
    with pytest.raises(ValueError, match="`source_features` must have 80 rows"):
        importance_weighted_r2(LABELS, LABELS, SOURCE[1:], TARGET)
    with pytest.raises(ValueError, match="`source_features` must have 80 rows"):
        dev_r2(LABELS, LABELS, SOURCE[1:], TARGET)
