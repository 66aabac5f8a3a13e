import keras
import numpy as np
import pytest
import scipy.optimize
import scipy.special

from tlkeras.ops import joint_cost, sinkhorn_divergence, sinkhorn_plan

RNG = np.random.default_rng(0)
SOURCE, TARGET = RNG.normal(size=(7, 3)), RNG.normal(1, 2, size=(5, 3))


def tensor(x):
    return keras.ops.convert_to_tensor(np.asarray(x, "float32"))


def squared(x, y):
    return ((x[:, None] - y[None]) ** 2).sum(-1)


@pytest.mark.parametrize("epsilon", [0.1, 1.0])
def test_the_plan_equals_that_of_pot(epsilon):
    ot = pytest.importorskip("ot", reason="POT is the reference")
    cost = squared(SOURCE, TARGET)
    expected = ot.bregman.sinkhorn_log(np.full(7, 1 / 7), np.full(5, 1 / 5), cost, epsilon * cost.std(), stopThr=1e-12)
    received = sinkhorn_plan(tensor(cost), epsilon, iterations=200)
    np.testing.assert_allclose(np.array(received), expected, atol=1e-6)


def test_the_divergence_equals_that_of_pot():
    ot = pytest.importorskip("ot", reason="POT is the reference")
    width = 0.3 * squared(SOURCE, TARGET).std()

    def cost(x, y):
        uniform = (np.full(len(rows), 1 / len(rows)) for rows in (x, y))
        return ot.solve(squared(x, y), *uniform, reg=width, reg_type="KL", tol=1e-12, max_iter=10_000).value

    expected = cost(SOURCE, TARGET) - 0.5 * (cost(SOURCE, SOURCE) + cost(TARGET, TARGET))
    received = float(sinkhorn_divergence(tensor(SOURCE), tensor(TARGET), 0.3, iterations=200))
    np.testing.assert_allclose(received, expected, rtol=1e-4)


def test_little_entropy_gives_the_assignment_of_scipy():
    cost = squared(SOURCE[:5], TARGET)
    rows, columns = scipy.optimize.linear_sum_assignment(cost)
    plan = np.array(sinkhorn_plan(tensor(cost), 0.01, iterations=500))
    np.testing.assert_allclose(plan[rows, columns], 1 / 5, atol=0.01)


@pytest.mark.parametrize("cost", [np.zeros((3, 2)), np.full((3, 2), 1e6), [[5.0]]])
def test_equal_costs_give_the_uniform_plan(cost):
    shape = np.shape(cost)
    np.testing.assert_allclose(np.array(sinkhorn_plan(tensor(cost))), np.full(shape, 1 / np.prod(shape)), rtol=1e-5)


def test_a_cost_added_to_all_changes_no_plan():
    cost = squared(SOURCE, TARGET)
    plans = (np.array(sinkhorn_plan(tensor(cost + added))) for added in (0.0, 100.0))
    np.testing.assert_allclose(*plans, atol=1e-4)


def test_distant_batches_stay_finite():
    """A kernel `exp(-C / e)` would be 0 everywhere."""
    value = float(sinkhorn_divergence(tensor(SOURCE), tensor(SOURCE + 1e3), 0.01))
    np.testing.assert_allclose(value, 3e6, rtol=1e-2)


def test_joint_cost_equals_a_loop():
    labels, logits = RNG.integers(0, 4, 7), RNG.normal(size=(5, 4))
    expected = squared(SOURCE, TARGET)
    for i, j in np.ndindex(7, 5):
        expected[i, j] -= 0.5 * scipy.special.log_softmax(logits[j])[labels[i]]
    received = joint_cost(tensor(SOURCE), tensor(TARGET), keras.ops.convert_to_tensor(labels), tensor(logits), 0.5)
    np.testing.assert_allclose(np.array(received), expected, rtol=1e-5)


def test_a_wrong_rank_and_a_single_logit_are_refused():
    with pytest.raises(ValueError, match="must have rank 2.*Received: shape=\\(2, 3, 3\\)"):
        sinkhorn_divergence(tensor(np.ones((2, 3, 3))), tensor(np.ones((2, 3))))
    with pytest.raises(ValueError, match="`logits` must have at least 2 classes"):
        joint_cost(tensor(SOURCE), tensor(TARGET), keras.ops.zeros((7,), dtype="int32"), tensor(np.ones((5, 1))), 1.0)
