import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold

from tlkeras.validators.density_ratio import STRENGTHS, density_ratios


def fitted(x, y, strength):
    """Weights and intercept of the penalised logistic regression, by Newton's method."""
    x = np.c_[x, np.ones(len(x))]
    penalty = np.diag([1.0] * (x.shape[1] - 1) + [0.0])
    weights = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ weights))
        gradient = strength * x.T @ (p - y) + penalty @ weights
        hessian = strength * (x.T * p * (1 - p)) @ x + penalty
        weights -= np.linalg.solve(hessian, gradient)
    return weights


def slow(source, target):
    x, y = np.concatenate([source, target]), np.r_[np.zeros(len(source)), np.ones(len(target))]
    best, least = None, np.inf
    for strength in STRENGTHS:
        p = np.zeros(len(x))
        for seen, held_out in StratifiedKFold(5, shuffle=True, random_state=0).split(x, y):
            mean, std = x[seen].mean(0), x[seen].std(0)
            weights = fitted((x[seen] - mean) / std, y[seen], strength)
            p[held_out] = 1 / (1 + np.exp(-(np.c_[(x[held_out] - mean) / std, np.ones(len(held_out))] @ weights)))
        loss = -np.mean(np.log(np.where(y == 1, p, 1 - p)))
        if loss < least:
            best, least = p[: len(source)] / (1 - p[: len(source)]) * len(source) / len(target), loss
    return best


def test_equals_newtons_method_on_the_same_folds():
    random = np.random.default_rng(0)
    source, target = random.normal(size=(50, 3)), random.normal(size=(70, 3)) + [0.5, 0, -1]
    np.testing.assert_allclose(density_ratios(source, target), slow(source, target), rtol=0.01)


def test_finds_the_ratio_of_two_normal_distributions():
    random = np.random.default_rng(0)
    source, target = random.normal(size=(3000, 1)), random.normal(size=(2000, 1)) + 0.5
    ratios = density_ratios(source, target)
    centre, shift = (source.mean() + target.mean()) / 2, target.mean() - source.mean()
    np.testing.assert_allclose(np.polyfit(source[:, 0], np.log(ratios), 1), [shift, -shift * centre], atol=0.03)
    assert ratios.mean() == pytest.approx(1, abs=0.05)


def test_wide_features_of_one_domain_give_no_extreme_weights():
    random = np.random.default_rng(0)
    ratios = density_ratios(random.normal(size=(40, 200)), random.normal(size=(40, 200)))
    np.testing.assert_allclose(ratios, 1, atol=0.3)


def test_an_outlier_gives_a_finite_ratio():
    source, target = np.zeros((40, 2)), np.zeros((40, 2))
    source[:, 0], target[:, 0] = np.arange(40) / 100, np.arange(40) / 100 + 1
    source[-1, 0] = 1e9
    assert np.isfinite(density_ratios(source, target)).all()


def test_bad_input():
    with pytest.raises(ValueError, match="at least two rows each. Received: shapes \\(1, 2\\) and \\(3, 2\\)"):
        density_ratios(np.zeros((1, 2)), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="`target_features` must have 2 columns"):
        density_ratios(np.zeros((3, 2)), np.zeros((3, 4)))
