"""Distance of two labelled samples of features, class by class."""

import keras

from tlkeras.ops.kernels import gaussian_mixture, squared_distances


def contrastive_discrepancy(source, target, source_classes, target_classes, multipliers=(0.125, 0.25, 0.5, 1.0, 2.0)):
    """How far equal classes of two samples are from each other, less how far different ones are.

    `mean_c D(c, c) - mean_{c != c'} D(c, c')` with `D(c, c')` the squared maximum mean discrepancy (V-statistic) of the
    source rows of class `c` and the target rows of class `c'` under one Gaussian mixture. The means run over the pairs
    of which both sides have rows; a mean over none is 0.

    Args:
        source: Float tensor `(n, features)`.
        target: Float tensor `(m, features)`.
        source_classes: One-hot tensor `(n, classes)`; a row of zeros counts in no class.
        target_classes: One-hot tensor `(m, classes)`, the same.
        multipliers: Kernel widths as multiples of the mean squared distance between the rows of both samples.

    Returns:
        Scalar in [-2, 2].

    Raises:
        ValueError: If `source` or `target` is not of rank 2.

    Example:
        >>> x, y = keras.ops.convert_to_tensor([[0.0], [9.0]]), keras.ops.eye(2)
        >>> float(contrastive_discrepancy(x, x, y, y)) < 0
        True

    Reference:
        Kang, Jiang, Yang, Hauptmann: Contrastive Adaptation Network for Unsupervised Domain Adaptation, 2019,
        https://arxiv.org/abs/1901.00976
    """
    both = keras.ops.concatenate([source, target], axis=0)
    kernel = gaussian_mixture(squared_distances(both, both), multipliers)
    counts = [keras.ops.sum(classes, axis=0) for classes in (source_classes, target_classes)]
    shares = [c / keras.ops.maximum(n, 1.0) for c, n in zip((source_classes, target_classes), counts, strict=True)]
    # Weights over the rows of both samples, `(n + m, classes)`, so that no kernel has to be cut.
    ours = keras.ops.concatenate([shares[0], keras.ops.zeros_like(shares[1])], axis=0)
    theirs = keras.ops.concatenate([keras.ops.zeros_like(shares[0]), shares[1]], axis=0)
    within = [keras.ops.sum(weights * keras.ops.matmul(kernel, weights), axis=0) for weights in (ours, theirs)]
    across = keras.ops.matmul(keras.ops.transpose(ours), keras.ops.matmul(kernel, theirs))
    distances = within[0][:, None] + within[1][None, :] - 2.0 * across
    present = [keras.ops.cast(n > 0.5, kernel.dtype) for n in counts]
    pairs = present[0][:, None] * present[1][None, :]
    same = keras.ops.eye(source_classes.shape[1], dtype=kernel.dtype)
    return _mean(distances, pairs * same) - _mean(distances, pairs * (1.0 - same))


def _mean(values, chosen):
    return keras.ops.sum(values * chosen) / keras.ops.maximum(keras.ops.sum(chosen), 1.0)
