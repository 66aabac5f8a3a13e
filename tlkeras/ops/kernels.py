"""Kernels between the rows of two batches."""

import keras

from tlkeras.ops.moments import check_rank_2


def squared_distances(x, y):
    """Squared Euclidean distance between every row of `x` and every row of `y`.

    Args:
        x: Float tensor `(n, features)`.
        y: Float tensor `(m, features)`.

    Returns:
        Tensor `(n, m)`, every entry >= 0.

    Raises:
        ValueError: If `x` or `y` is not of rank 2.

    Example:
        >>> tuple(squared_distances(keras.ops.ones((2, 3)), keras.ops.ones((4, 3))).shape)
        (2, 4)
    """
    check_rank_2("x", x)
    check_rank_2("y", y)
    x_norms = keras.ops.sum(keras.ops.square(x), axis=1)[:, None]
    y_norms = keras.ops.sum(keras.ops.square(y), axis=1)[None, :]
    return keras.ops.maximum(x_norms + y_norms - 2.0 * keras.ops.matmul(x, keras.ops.transpose(y)), 0.0)


def gaussian_mixture(distances, multipliers):
    """Mean of Gaussian kernels `exp(-d / (2 m s))` whose width `s` is the mean distance between different rows.

    The width carries no gradient, so that the kernel cannot be satisfied by shrinking the features.

    Args:
        distances: Squared distances `(n, n)` of one set of rows to itself (zero diagonal).
        multipliers: Sequence of numbers > 0, one kernel each.

    Returns:
        Tensor `(n, n)` with entries in (0, 1].

    Example:
        >>> tuple(gaussian_mixture(keras.ops.zeros((3, 3)), multipliers=(0.5, 1.0)).shape)
        (3, 3)
    """
    rows = keras.ops.cast(keras.ops.shape(distances)[0], distances.dtype)
    width = keras.ops.stop_gradient(keras.ops.sum(distances) / keras.ops.maximum(rows * (rows - 1.0), 1.0))
    width = keras.ops.maximum(width, keras.config.epsilon())
    return sum(keras.ops.exp(-distances / (2.0 * m * width)) for m in multipliers) / len(multipliers)
