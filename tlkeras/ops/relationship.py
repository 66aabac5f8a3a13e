"""How the classes of a source task relate to those of a target task."""

import keras
import numpy as np


def category_relationship(source_probabilities, labels):
    """Mean prediction of the source classifier on each target class, `R[y, s] = mean of p(s | x) over rows of class y`.

    This is the direct estimate of `p(source class | target class)` of the paper. It is as good as the probabilities
    are calibrated: divide the source logits by a temperature fitted on held-out source data first, where there is any.

    Args:
        source_probabilities: `(rows, source_classes)`, rows sum to 1: the pretrained model's own classifier, in
            inference mode, on the labelled target data.
        labels: Integer target labels `(rows,)`, every class `0..max` at least once.

    Returns:
        NumPy array `(classes, source_classes)`, float32, rows sum to 1.

    Raises:
        ValueError: If the rows are no probabilities, the lengths differ, or a class has no row.

    Example:
        >>> category_relationship([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]], [0, 0, 1]).tolist()
        [[0.75, 0.25], [0.0, 1.0]]

    Reference:
        You, Kou, Long, Wang: Co-Tuning for Transfer Learning, 2020,
        https://papers.nips.cc/paper/2020/hash/c8067ad1937f728f51288b3eb986afaa-Abstract.html
    """
    p = np.asarray(keras.ops.convert_to_numpy(source_probabilities), dtype="float64")
    y = np.asarray(keras.ops.convert_to_numpy(labels))
    if p.ndim != 2 or y.shape != p.shape[:1] or not len(y):
        raise ValueError(
            "`source_probabilities` must be (rows, source_classes) and `labels` (rows,). "
            f"Received: shapes {p.shape} and {y.shape}"
        )
    if p.min() < 0 or not np.allclose(p.sum(axis=1), 1.0, atol=1e-3):
        raise ValueError(
            "`source_probabilities` must hold rows >= 0 that sum to 1: apply a softmax to logits. "
            f"Received: smallest entry {p.min():.4g}, sums from {p.sum(axis=1).min():.4g} to {p.sum(axis=1).max():.4g}"
        )
    if not np.issubdtype(y.dtype, np.integer) or y.min() < 0:
        raise ValueError(f"`labels` must be integers >= 0. Received: dtype {y.dtype}, smallest {y.min()}")
    counts = np.bincount(y)
    if not counts.all():
        raise ValueError(
            f"`labels` must hold every class from 0 to {len(counts) - 1}. Received: none of {np.where(counts == 0)[0]}"
        )
    means = np.stack([p[y == label].mean(axis=0) for label in range(len(counts))])
    return (means / means.sum(axis=1, keepdims=True)).astype("float32")
