"""Importance-weighted validation of a regressor."""

import numpy as np

from tlkeras.validators.checks import checked_matrix
from tlkeras.validators.density_ratio import density_ratios
from tlkeras.validators.source_r2 import relative_errors


def importance_weighted_r2(source_logits, source_labels, source_features, target_features):
    """Scores a regressor by its error on held-out source rows, weighted by how target-like they are.

    `1 - sum_i w_i e_i / sum_i w_i` with `e_i` the squared error divided by the variance of the source's values, and
    `w_i = p_target(x_i) / p_source(x_i)` from `density_ratios`. It estimates the error on the target when the domains
    differ in how often rows occur but not in their values, and their features overlap.

    Args:
        source_logits: Array `(source rows, outputs)`, the values of rows that the model was not trained on.
        source_labels: Numbers `(source rows,)` or `(source rows, outputs)`.
        source_features: Array `(source rows, features)`, at least two rows.
        target_features: Array `(target rows, features)`, at least two rows.

    Returns:
        Float, at most 1; `source_r2` where the domains cannot be told apart.

    Raises:
        ValueError: If an array is empty, not finite or of another shape, or an output has one value only.

    Example:
        >>> rows = np.linspace(-1, 1, 40)[:, None]
        >>> importance_weighted_r2(np.abs(rows), rows, rows, rows + 1) > importance_weighted_r2(-rows, rows, rows, rows)
        True

    Reference:
        Sugiyama, Krauledat, Müller: Covariate Shift Adaptation by Importance Weighted Cross Validation, 2007,
        https://www.jmlr.org/papers/v8/sugiyama07a.html
    """
    errors = relative_errors(source_logits, source_labels)
    features = checked_matrix(source_features, "source_features", rows=len(errors))
    return float(1 - np.average(errors, weights=density_ratios(features, target_features)))
