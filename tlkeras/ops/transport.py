"""Optimal transport between two batches, with entropy, in the log domain."""

import keras

from tlkeras.ops.conditioning import check_classes
from tlkeras.ops.contrast import class_indices
from tlkeras.ops.kernels import squared_distances
from tlkeras.ops.moments import check_rank_2


def sinkhorn_plan(cost, epsilon=0.1, iterations=50):
    """Entropic transport plan between uniform weights, by Sinkhorn iterations in the log domain.

    `argmin_P sum P C + e KL(P | 1 / nm)` with rows of `P` summing to `1 / n` and columns to `1 / m`, and `e` equal to
    `epsilon` times the standard deviation of the costs: what is added to all of them, as distances in many dimensions
    have it, must not blur the plan. Neither the plan nor `e` carries a gradient. The last half step is on the columns:
    they are exact, the rows are as exact as the iterations are many.

    Args:
        cost: Float tensor `(n, m)`, every entry >= 0.
        epsilon: Number > 0, the regularisation as a multiple of the standard deviation of the costs.
        iterations: Integer >= 1.

    Returns:
        Tensor `(n, m)`, every entry >= 0, sums to 1.

    Raises:
        ValueError: If `cost` is not of rank 2.

    Example:
        >>> keras.ops.convert_to_numpy(sinkhorn_plan(keras.ops.ones((2, 2)))).tolist()
        [[0.25, 0.25], [0.25, 0.25]]

    Reference:
        Cuturi: Sinkhorn Distances: Lightspeed Computation of Optimal Transport, 2013, https://arxiv.org/abs/1306.0895
    """
    return _plan(cost, _width(cost, epsilon), iterations)


def sinkhorn_divergence(source, target, epsilon=0.1, iterations=50):
    """Debiased entropic transport cost `OT(s, t) - OT(s, s) / 2 - OT(t, t) / 2` of two batches.

    `OT(a, b) = min_P sum P ||a_i - b_j||^2 + e KL(P | 1 / nm)`, one `e` for all three: `epsilon` times the standard
    deviation of the squared distances between source and target. The gradient is the one at the optimum, where a
    change of the plans changes nothing.

    Args:
        source: Float tensor `(n, features)`.
        target: Float tensor `(m, features)`.
        epsilon: Number > 0, the regularisation as a multiple of that standard deviation.
        iterations: Integer >= 1.

    Returns:
        Scalar >= 0 up to the error of the iterations; 0 when both batches hold the same rows.

    Example:
        >>> float(sinkhorn_divergence(keras.ops.eye(4), keras.ops.eye(4)))
        0.0

    Reference:
        Feydy, Sejourne, Vialard, Amari, Trouve, Peyre: Interpolating between Optimal Transport and MMD using Sinkhorn
        Divergences, 2019, https://arxiv.org/abs/1810.08278
    """
    between = squared_distances(source, target)
    width = _width(between, epsilon)
    costs = (between, squared_distances(source, source), squared_distances(target, target))
    across, within_source, within_target = (_regularised(cost, width, iterations) for cost in costs)
    return across - 0.5 * (within_source + within_target)


def joint_cost(source, target, labels, logits, label_factor):
    """Cost of moving a labelled source row to a target row, `||s_i - t_j||^2 - f log softmax(logits_j)[y_i]`.

    Args:
        source: Float tensor `(n, features)`.
        target: Float tensor `(m, features)`.
        labels: Integer source labels `(n,)`.
        logits: Target logits `(m, classes)`.
        label_factor: Number >= 0, `f`.

    Returns:
        Tensor `(n, m)`, every entry >= 0.

    Raises:
        ValueError: If features or logits are not of rank 2, there is a single logit, or the labels are not integers.

    Example:
        >>> rows, labels = keras.ops.zeros((1, 3)), keras.ops.zeros((1,), dtype="int32")
        >>> round(float(joint_cost(rows, rows, labels, keras.ops.zeros((1, 2)), 1.0)[0, 0]), 3)
        0.693

    Reference:
        Courty, Flamary, Habrard, Rakotomamonjy: Joint Distribution Optimal Transportation for Domain Adaptation, 2017,
        https://arxiv.org/abs/1705.08848
    """
    check_classes("logits", logits)
    members = keras.ops.one_hot(class_indices(labels), logits.shape[-1], dtype=logits.dtype)
    surprise = -keras.ops.matmul(members, keras.ops.transpose(keras.ops.log_softmax(logits, axis=-1)))
    return squared_distances(source, target) + label_factor * surprise


def _width(cost, epsilon):
    check_rank_2("cost", cost)
    return keras.ops.maximum(epsilon * keras.ops.std(keras.ops.stop_gradient(cost)), keras.config.epsilon())


def _plan(cost, width, iterations):
    cost = keras.ops.stop_gradient(cost)
    scores = (keras.ops.min(cost) - cost) / width  # the minimum changes no plan, and keeps equal costs at exactly 0
    rows, columns = (keras.ops.zeros_like(side) for side in (scores[:, 0], scores[0]))
    log_n, log_m = (keras.ops.log(keras.ops.sum(keras.ops.ones_like(side))) for side in (rows, columns))

    def step(_, potentials):
        to_rows = -log_n - keras.ops.logsumexp(scores + potentials[1][None, :], axis=1)
        return to_rows, -log_m - keras.ops.logsumexp(scores + to_rows[:, None], axis=0)

    rows, columns = keras.ops.fori_loop(0, iterations, step, (rows, columns))
    return keras.ops.stop_gradient(keras.ops.exp(rows[:, None] + scores + columns[None, :]))


def _regularised(cost, width, iterations):
    plan = _plan(cost, width, iterations)
    count = keras.ops.sum(keras.ops.ones_like(plan))
    relative = keras.ops.log(keras.ops.maximum(plan * count, keras.config.epsilon()))
    return keras.ops.sum(plan * cost) + width * keras.ops.sum(plan * relative)
