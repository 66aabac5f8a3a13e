"""How much of the deviation of held-out source values a regressor explains."""

import numpy as np

from tlkeras.validators.checks import checked_values


def source_r2(source_logits, source_labels):
    """Scores a regressor by `1 - mean squared error / variance` on held-out source rows, the mean over the outputs.

    It never looks at the target: a model that was not adapted may score best.

    Args:
        source_logits: Array `(rows, outputs)`, the model's values.
        source_labels: Numbers `(rows,)` or `(rows, outputs)`, which differ.

    Returns:
        Float, at most 1; 0 for a model that answers with the mean.

    Raises:
        ValueError: If an array is empty, not finite or of another shape, or an output has one value only.

    Example:
        >>> source_r2([[1.0], [2.0], [3.0]], [1.0, 2.0, 3.0])
        1.0
    """
    return float(1 - relative_errors(source_logits, source_labels).mean())


def relative_errors(values, labels):
    """Returns the squared error of each row divided by the variance of the labels, the mean over the outputs.

    Args:
        values: Array `(rows, outputs)`.
        labels: Numbers `(rows,)` or `(rows, outputs)`.

    Returns:
        Array `(rows,)`; its mean is 1 for a model that answers with the mean.

    Example:
        >>> relative_errors([[2.0], [2.0]], [1.0, 3.0]).tolist()
        [1.0, 1.0]
    """
    values, labels = checked_values(values, labels)
    return np.mean((values - labels) ** 2 / labels.var(axis=0), axis=1)
