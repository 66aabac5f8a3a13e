import numpy as np
import pytest

from tlkeras.validators import dev
from tlkeras.validators.density_ratio import density_ratios
from tlkeras.validators.dev import controlled_risk

RANDOM = np.random.default_rng(0)
SOURCE, TARGET = RANDOM.normal(size=(60, 3)), RANDOM.normal(size=(80, 3)) + [0.4, 0, -0.6]
LOGITS, LABELS = RANDOM.normal(size=(60, 4)), RANDOM.integers(0, 4, 60)


def slow(weights, errors):
    """The risk of the paper's algorithm, one row at a time."""
    rows = len(weights)
    losses = [weight * error for weight, error in zip(weights, errors, strict=True)]
    mean_loss, mean_weight = sum(losses) / rows, sum(weights) / rows
    covariance = sum((a - mean_loss) * (b - mean_weight) for a, b in zip(losses, weights, strict=True)) / (rows - 1)
    variance = sum((weight - mean_weight) ** 2 for weight in weights) / (rows - 1)
    eta = -covariance / variance
    return mean_loss + eta * mean_weight - eta


def test_it_is_minus_the_papers_risk():
    errors = [float(np.argmax(row) != label) for row, label in zip(LOGITS, LABELS, strict=True)]
    assert 0 < sum(errors) < 60
    weights = density_ratios(SOURCE, TARGET).tolist()
    assert dev(LOGITS, LABELS, SOURCE, TARGET) == pytest.approx(-slow(weights, errors), rel=1e-9)


def test_four_rows_by_hand():
    # w l = (2, 0, 0, 0): mean 1/2, mean w 1; the control variate is 0 where the weights have the mean they must have.
    assert controlled_risk(np.array([1.0, 0, 0, 0]), np.array([2.0, 1, 1, 0])) == pytest.approx(0.5)
    # Twice the weights: the mean of w l is 1 and of w 2; cov(w l, w) / var(w) = (8 / 3) / (8 / 3), so 1 - 1 (2 - 1).
    assert controlled_risk(np.array([1.0, 0, 0, 0]), np.array([4.0, 2, 2, 0])) == pytest.approx(0, abs=1e-12)


def test_the_control_variate_lowers_the_variance():
    risks, plain = [], []
    for seed in range(200):
        random = np.random.default_rng(seed)
        x = random.normal(size=50)
        weights, errors = np.exp(x / 2 - 1 / 8), random.random(50) < 0.5
        risks.append(controlled_risk(errors, weights))
        plain.append((weights * errors).mean())
    assert np.mean(risks) == pytest.approx(0.5, abs=0.02)
    assert np.var(risks) < 0.9 * np.var(plain)


def test_its_ends():
    right = np.eye(4)[LABELS]
    assert dev(right, LABELS, SOURCE, TARGET) == 0
    assert dev(-right, LABELS, SOURCE, TARGET) == pytest.approx(-1)
    assert controlled_risk(np.array([1.0, 0, 0, 0]), np.ones(4)) == 0.25


def test_bad_input():
    with pytest.raises(ValueError, match="`source_features` must have 60 rows"):
        dev(LOGITS, LABELS, SOURCE[1:], TARGET)
    with pytest.raises(ValueError, match="`source_logits` must be finite"):
        dev(LOGITS * np.nan, LABELS, SOURCE, TARGET)
    with pytest.raises(ValueError, match="one for each of the 60 rows"):
        dev(LOGITS, LABELS[1:], SOURCE, TARGET)
    with pytest.raises(ValueError, match="`target_features` must have 3 columns"):
        dev(LOGITS, LABELS, SOURCE, TARGET[:, 1:])
