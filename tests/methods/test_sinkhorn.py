import numpy as np
import pytest
import scipy.special

from tests.methods.hand import one_step, squared
from tlkeras.methods import Sinkhorn
from tlkeras.testing import spurious_feature, toy_accuracy


def transport(x, y, width):
    """Plan and cost of `min_P sum P C + width KL(P | 1 / nm)`, by many alternating projections."""
    scores, columns = -squared(x, y) / width, np.zeros(len(y))
    for _ in range(1000):
        rows = -np.log(len(x)) - scipy.special.logsumexp(scores + columns, axis=1)
        columns = -np.log(len(y)) - scipy.special.logsumexp(scores + rows[:, None], axis=0)
    plan = np.exp(rows[:, None] + scores + columns)
    return plan, (plan * squared(x, y)).sum() + width * (plan * np.log(plan * plan.size)).sum()


def test_one_step_equals_the_hand_derivation():
    """The gradient of each part is that of `sum P ||a_i - b_j||^2` with the best plan held fixed."""
    random = np.random.default_rng(0)
    xs, xt = random.normal(size=(6, 3)), random.normal(1, 1, size=(4, 3))
    received, (encoder, _), (after, _) = one_step(Sinkhorn(epsilon=0.5, weight=0.1), xs, xt)

    width = 0.5 * squared(xs @ encoder, xt @ encoder).std()
    value, gradient = 0.0, np.zeros_like(encoder)
    for a, b, factor in ((xs, xt, 1.0), (xs, xs, -0.5), (xt, xt, -0.5)):
        plan, cost = transport(a @ encoder, b @ encoder, width)
        value += factor * cost
        for i, j in np.ndindex(plan.shape):
            gap = a[i] - b[j]
            gradient += factor * plan[i, j] * 2 * np.outer(gap, gap @ encoder)

    np.testing.assert_allclose(received, value, rtol=1e-4)
    np.testing.assert_allclose(after, encoder - 0.1 * gradient, atol=1e-5)
    assert np.abs(gradient).max() > 1e-2


@pytest.mark.exhaustive
def test_solves_a_toy_that_source_only_does_not():
    domains = spurious_feature()
    source_only = toy_accuracy(domains, [])
    assert source_only < 0.65
    assert toy_accuracy(domains, [Sinkhorn()]) >= source_only + 0.18


def test_one_row_a_view_gives_the_squared_distance():
    xs, xt = np.array([[1.0, 0.0, 2.0]]), np.array([[0.0, 3.0, 1.0]])
    received, (encoder, _), _ = one_step(Sinkhorn(), xs, xt)
    np.testing.assert_allclose(received, (((xs - xt) @ encoder) ** 2).sum(), rtol=1e-5)


@pytest.mark.parametrize("epsilon", [0.0, -1.0])
def test_a_wrong_epsilon_is_refused(epsilon):
    with pytest.raises(ValueError, match="`epsilon` must be > 0. Received: epsilon="):
        Sinkhorn(epsilon=epsilon)
