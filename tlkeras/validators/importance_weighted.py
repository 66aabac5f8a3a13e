"""Importance-weighted validation: source accuracy, with the rows that look like the target counting more."""

import numpy as np

from tlkeras.validators.checks import checked_labels, checked_logits, checked_matrix
from tlkeras.validators.density_ratio import density_ratios


def importance_weighted(source_logits, source_labels, source_features, target_features):
    """Scores a model by its accuracy on held-out source rows, weighted by how target-like they are.

    `sum_i w_i [prediction right] / sum_i w_i` with `w_i = p_target(x_i) / p_source(x_i)` from `density_ratios`. It
    estimates the accuracy on the target when the domains differ in how often rows occur but not in their labels, and
    their features overlap.

    Deviations: the paper weights the risk and divides by the number of rows; dividing by the sum of the weights keeps
    the score in [0, 1]. The ratios are those of the model's features, not of its inputs.

    Args:
        source_logits: Array `(source rows, classes)` of rows that the model was not trained on, before any softmax.
        source_labels: Integers `(source rows,)` in `0..classes - 1`.
        source_features: Array `(source rows, features)`, at least two rows.
        target_features: Array `(target rows, features)`, at least two rows.

    Returns:
        Float in [0, 1]; the plain accuracy where the domains cannot be told apart.

    Raises:
        ValueError: If an array is empty, not finite or of another shape, or labels do not fit the logits.

    Example:
        >>> rows = np.linspace(-1, 1, 40)
        >>> features, right_above_0 = rows[:, None], np.stack([-rows, rows], 1)
        >>> importance_weighted(right_above_0, np.ones(40, int), features, features + 1) > 0.5
        True

    Reference:
        Sugiyama, Krauledat, Müller: Covariate Shift Adaptation by Importance Weighted Cross Validation, 2007,
        https://www.jmlr.org/papers/v8/sugiyama07a.html
    """
    logits = checked_logits(source_logits, "source_logits")
    labels = checked_labels(source_labels, *logits.shape)
    features = checked_matrix(source_features, "source_features", rows=len(logits))
    return float(np.average(logits.argmax(1) == labels, weights=density_ratios(features, target_features)))
