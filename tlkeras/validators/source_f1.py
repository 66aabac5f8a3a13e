"""Mean F1 of the labels on labelled source rows that were held out."""

import numpy as np

from tlkeras.validators.checks import checked_multi_hot


def source_f1(source_logits, source_labels):
    """Scores a model of several labels by the mean of their F1 on held-out source rows, threshold 1/2.

    A label that no row has counts only where it is predicted, with F1 0.

    Args:
        source_logits: Array `(rows, labels)`, before the sigmoid.
        source_labels: 0 or 1 `(rows, labels)`.

    Returns:
        Float in [0, 1]; 1 when every answer is right.

    Raises:
        ValueError: If an array is empty, not finite or of another shape, or labels are not 0 or 1.

    Example:
        >>> source_f1([[2.0, -1.0], [-3.0, 1.0]], [[1, 0], [1, 1]])
        0.833...
    """
    logits, labels = checked_multi_hot(source_logits, source_labels)
    f1, counts = label_f1(logits > 0, labels > 0)
    return float(f1[counts].mean()) if counts.any() else 1.0


def label_f1(predicted, labels):
    """Returns the F1 of each label, and whether it counts: some row has it, or is predicted to.

    Args:
        predicted: Booleans `(rows, labels)`.
        labels: Booleans `(rows, labels)`.

    Returns:
        `(F1 (labels,), counts (labels,))`.

    Example:
        >>> label_f1(np.array([[True, False]]), np.array([[True, False]]))[0].tolist()
        [1.0, 0.0]
    """
    both, either = (predicted & labels).sum(axis=0), predicted.sum(axis=0) + labels.sum(axis=0)
    return 2 * both / np.maximum(either, 1), either > 0
