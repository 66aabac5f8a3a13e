"""Distance of central moments."""

import keras

from tlkeras.ops.moments import check_rank_2


def central_moment_discrepancy(source, target, width=1.0, moments=5):
    """Sum of the distances of the means and of the central moments, `sum_{k=1..K} ||c_k(s) - c_k(t)|| / w^k`.

    `c_1` is the mean and `c_k = mean (x - c_1)^k`, feature by feature. The gradient of a distance of 0 is 0.

    Args:
        source: Float tensor `(n, features)`.
        target: Float tensor `(m, features)`.
        width: Number > 0, the length `w` of the interval in which all features lie.
        moments: Integer >= 1, the highest order.

    Returns:
        Scalar >= 0.

    Raises:
        ValueError: If `source` or `target` is not of rank 2.

    Example:
        >>> round(float(central_moment_discrepancy(keras.ops.zeros((4, 2)), keras.ops.ones((3, 2)), width=2.0)), 3)
        0.707

    Reference:
        Zellinger, Grubinger, Lughofer, Natschlaeger, Saminger-Platz: Central Moment Discrepancy (CMD) for
        Domain-Invariant Representation Learning, 2017, https://arxiv.org/abs/1702.08811
    """
    check_rank_2("source", source)
    check_rank_2("target", target)
    means = [keras.ops.mean(x, axis=0) for x in (source, target)]
    centred = [(x - mean) / width for x, mean in zip((source, target), means, strict=True)]
    total = _norm((means[0] - means[1]) / width)
    powers = centred
    for _ in range(moments - 1):
        powers = [power * x for power, x in zip(powers, centred, strict=True)]
        total = total + _norm(keras.ops.mean(powers[0], axis=0) - keras.ops.mean(powers[1], axis=0))
    return total


def _norm(x):
    square = keras.ops.sum(keras.ops.square(x))
    zero = keras.ops.equal(square, 0.0)  # NaN is not: it stays NaN
    return keras.ops.where(zero, 0.0, keras.ops.sqrt(keras.ops.where(zero, 1.0, square)))
