"""Distances between two samples of features; 0 when the samples agree."""

import keras

from tlkeras.ops.kernels import gaussian_mixture, squared_distances
from tlkeras.ops.moments import covariance


def coral(source, target):
    """Squared Frobenius distance of the covariances, `||C_s - C_t||_F^2 / (4 d^2)`.

    Args:
        source: Float tensor `(n, features)`, n >= 2.
        target: Float tensor `(m, features)`, m >= 2.

    Returns:
        Scalar >= 0.

    Example:
        >>> float(coral(keras.ops.eye(4), keras.ops.eye(4)))
        0.0

    Reference:
        Sun, Saenko: Deep CORAL: Correlation Alignment for Deep Domain Adaptation, 2016,
        https://arxiv.org/abs/1607.01719
    """
    width = source.shape[-1]
    return keras.ops.sum(keras.ops.square(covariance(source) - covariance(target))) / (4.0 * width * width)


def mmd(source, target, multipliers=(0.125, 0.25, 0.5, 1.0, 2.0)):
    """Squared maximum mean discrepancy `mean K_ss + mean K_tt - 2 mean K_st` (V-statistic) under a Gaussian mixture.

    Args:
        source: Float tensor `(n, features)`.
        target: Float tensor `(m, features)`.
        multipliers: Kernel widths as multiples of the mean squared distance between the rows of both samples.

    Returns:
        Scalar in [0, 2].

    Example:
        >>> round(float(mmd(keras.ops.eye(4), keras.ops.eye(4))), 6)
        0.0

    Reference:
        Gretton, Borgwardt, Rasch, Schoelkopf, Smola: A Kernel Two-Sample Test, 2012,
        https://jmlr.org/papers/v13/gretton12a.html
    """
    both = keras.ops.concatenate([source, target], axis=0)
    n = keras.ops.cast(keras.ops.shape(source)[0], both.dtype)
    m = keras.ops.cast(keras.ops.shape(target)[0], both.dtype)
    signs = keras.ops.concatenate([keras.ops.ones_like(source[:, 0]) / n, -keras.ops.ones_like(target[:, 0]) / m])
    kernel = gaussian_mixture(squared_distances(both, both), multipliers)
    return keras.ops.sum(signs[:, None] * kernel * signs[None, :])
