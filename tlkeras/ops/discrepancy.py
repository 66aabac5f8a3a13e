"""Distances between two samples of features; 0 when the samples agree."""

import keras

from tlkeras.ops.conditioning import check_classes
from tlkeras.ops.kernels import gaussian_mixture, squared_distances
from tlkeras.ops.moments import covariance


def coral(source, target, means=False):
    """Squared Frobenius distance of the covariances, `||C_s - C_t||_F^2 / (4 d^2)`.

    Args:
        source: Float tensor `(n, features)`, n >= 2.
        target: Float tensor `(m, features)`, m >= 2.
        means: Whether to add `||mean_s - mean_t||^2 / (4 d)`.

    Returns:
        Scalar >= 0.

    Example:
        >>> float(coral(keras.ops.eye(4), keras.ops.eye(4)))
        0.0

    Reference:
        Sun, Saenko: Deep CORAL: Correlation Alignment for Deep Domain Adaptation, 2016,
        https://arxiv.org/abs/1607.01719
    """
    gap = keras.ops.mean(keras.ops.square(covariance(source) - covariance(target)))
    if means:
        gap = gap + keras.ops.mean(keras.ops.square(keras.ops.mean(source, axis=0) - keras.ops.mean(target, axis=0)))
    return gap / 4.0


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
    return jmmd((source,), (target,), (multipliers,))


def jmmd(source, target, multipliers):
    """Squared discrepancy of joint distributions: `mmd` under the product of one Gaussian mixture for each layer.

    Args:
        source: Sequence of float tensors `(n, ...)`, one a layer, each of rank 2.
        target: Sequence of float tensors `(m, ...)`, the same layers.
        multipliers: Sequence of sequences, for each layer its kernel widths as multiples of the mean squared distance
            between the rows of both samples there.

    Returns:
        Scalar in [0, 2].

    Raises:
        ValueError: If a tensor is not of rank 2.

    Example:
        >>> float(jmmd([keras.ops.eye(2)] * 2, [1.0 - keras.ops.eye(2)] * 2, [(0.5,), (0.5,)]))
        0.0

    Reference:
        Long, Zhu, Wang, Jordan: Deep Transfer Learning with Joint Adaptation Networks, 2017,
        https://arxiv.org/abs/1605.06636
    """
    kernel = 1.0
    for layer, other, widths in zip(source, target, multipliers, strict=True):
        kernel = kernel * _joint_kernel(layer, other, widths)
    shares = (keras.ops.ones_like(x[0][:, :1]) for x in (source, target))
    return _mean_gap(kernel, *(share / keras.ops.sum(share) for share in shares))


def lmmd(source, target, source_classes, target_classes, multipliers=(0.125, 0.25, 0.5, 1.0, 2.0)):
    """Local discrepancy: the mean over classes of `mmd` between the rows of one class, weighted by their membership.

    A class without a source row, or which no target row prefers to all others, does not count.

    Args:
        source: Float tensor `(n, features)`.
        target: Float tensor `(m, features)`.
        source_classes: Tensor `(n, classes)`, rows sum to 1: one-hot labels.
        target_classes: Tensor `(m, classes)`, rows sum to 1: predictions.
        multipliers: Kernel widths as multiples of the mean squared distance between the rows of both samples.

    Returns:
        Scalar in [0, 2]; 0 when the batches share no class.

    Raises:
        ValueError: If a tensor is not of rank 2, or there is a single class.

    Example:
        >>> x, classes = keras.ops.eye(2), keras.ops.eye(2)
        >>> float(lmmd(x, x, classes, classes)), float(lmmd(x[:1], x[1:], classes[:1], classes[1:]))
        (0.0, 0.0)

    Reference:
        Zhu, Zhuang, Wang, Ke, Chen, Bian, Xiong, He: Deep Subdomain Adaptation Network for Image Classification, 2020,
        https://arxiv.org/abs/2106.09388
    """
    check_classes("target_classes", target_classes)
    preferred = keras.ops.one_hot(keras.ops.argmax(target_classes, axis=1), target_classes.shape[1])
    in_source, in_target = keras.ops.any(source_classes > 0, axis=0), keras.ops.any(preferred > 0, axis=0)
    shared = keras.ops.cast(keras.ops.logical_and(in_source, in_target), source.dtype)
    shares = (
        shared * classes / keras.ops.maximum(keras.ops.sum(classes, axis=0), keras.config.epsilon())
        for classes in (source_classes, target_classes)
    )
    gap = _mean_gap(_joint_kernel(source, target, multipliers), *shares)
    return gap / keras.ops.maximum(keras.ops.sum(shared), 1.0)


def _joint_kernel(source, target, multipliers):
    both = keras.ops.concatenate([source, target], axis=0)
    return gaussian_mixture(squared_distances(both, both), multipliers)


def _mean_gap(kernel, source_shares, target_shares):
    """Squared distance of weighted mean embeddings, summed over the columns of the weights `(rows, groups)`."""
    signed = keras.ops.concatenate([source_shares, -target_shares], axis=0)
    return keras.ops.sum(signed * keras.ops.matmul(kernel, signed))
