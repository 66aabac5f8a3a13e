"""How far two classifiers disagree, or two regressors."""

import keras

from tlkeras.ops.conditioning import check_classes

HIDDEN_LOGIT = -1e9  # instead of minus infinity, whose gradient is not a number
LEAST_DISPARITY = 0.01  # of squared differences of targets of deviation 1: below it, agreeing better gains nothing


def margin_disparity(logits, source, target, margin=4.0):
    """Loss of a second classifier that must agree with the first on the source and disagree with it on the target.

    `margin * mean -log p(y) over source, mean -log(1 - p(y)) over target`, summed, with `p` the second classifier's
    predictions and `y` the first one's classes, which carry no gradient. Both logarithms are taken of logits:
    `-log(1 - p_y) = logsumexp_k(z_k) - logsumexp_{k != y}(z_k)`.

    Args:
        logits: `(source logits, target logits)` of the first classifier, `(n, classes)` and `(m, classes)`.
        source: Logits of the second one on the source rows, `(n, classes)`.
        target: Logits of the second one on the target rows, `(m, classes)`.
        margin: Number > 0.

    Returns:
        Scalar >= 0, at least `margin log(1 + 1 / margin) + log(1 + margin)` when both views hold the same rows.

    Raises:
        ValueError: If the logits are not of rank 2, or there are fewer than 2 classes.

    Example:
        >>> zeros = keras.ops.zeros((3, 2))
        >>> round(float(margin_disparity((zeros, zeros), zeros, zeros, margin=1.0)), 3)
        1.386

    Reference:
        Zhang, Liu, Long, Jordan: Bridging Theory and Algorithm for Domain Adaptation, 2019,
        https://arxiv.org/abs/1904.05801
    """
    check_classes("logits", source)
    own, other = (keras.ops.one_hot(keras.ops.argmax(rows, axis=-1), source.shape[1]) for rows in logits)
    agree = -keras.ops.sum(own * keras.ops.log_softmax(source, axis=-1), axis=-1)
    others = keras.ops.logsumexp(keras.ops.where(other > 0, HIDDEN_LOGIT, target), axis=-1)
    disagree = keras.ops.logsumexp(target, axis=-1) - others
    return margin * keras.ops.mean(agree) + keras.ops.mean(disagree)


def value_disparity(values, source, target, margin=4.0):
    """Loss of a second regressor that must agree with the first on the source and disagree with it on the target.

    `margin * mean d over source + mean -log(1 - exp(-d)) over target` with `d` the mean squared difference of a row's
    outputs plus 0.01, so that `exp(-d)` stands for the probability of agreeing in `margin_disparity`. The first one's
    values carry no gradient.

    Args:
        values: `(source values, target values)` of the first regressor, `(n, outputs)` and `(m, outputs)`.
        source: Values of the second one on the source rows, `(n, outputs)`.
        target: Values of the second one on the target rows, `(m, outputs)`.
        margin: Number > 0.

    Returns:
        Scalar >= 0, at least `margin log(1 + 1 / margin) + log(1 + margin)` when both views hold the same rows.

    Example:
        >>> rows = keras.ops.zeros((3, 2))
        >>> round(float(value_disparity((rows, rows), rows, rows + 9.0)), 3)
        0.04

    Reference:
        Zhang, Liu, Long, Jordan: Bridging Theory and Algorithm for Domain Adaptation, 2019,
        https://arxiv.org/abs/1904.05801
    """
    own, other = (
        keras.ops.mean(keras.ops.square(theirs - keras.ops.stop_gradient(ours)), axis=-1) + LEAST_DISPARITY
        for ours, theirs in zip(values, (source, target), strict=True)
    )
    # -log(1 - exp(-d)) of a large d is exp(-d), which the difference from 1 would lose.
    return margin * keras.ops.mean(own) + keras.ops.mean(-keras.ops.log1p(-keras.ops.exp(-other)))
