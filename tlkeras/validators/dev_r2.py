"""Deep embedded validation of a regressor."""

from tlkeras.validators.checks import checked_matrix
from tlkeras.validators.density_ratio import density_ratios
from tlkeras.validators.dev import controlled_risk
from tlkeras.validators.source_r2 import relative_errors


def dev_r2(source_logits, source_labels, source_features, target_features):
    """Scores a regressor by 1 minus its estimated risk on the target, with the control variate of `dev`.

    The loss of a row is its squared error divided by the variance of the source's values. See `dev` for the rest.

    Args:
        source_logits: Array `(source rows, outputs)`, the values of rows that the model was not trained on.
        source_labels: Numbers `(source rows,)` or `(source rows, outputs)`.
        source_features: Array `(source rows, features)`, at least two rows.
        target_features: Array `(target rows, features)`, at least two rows.

    Returns:
        Float; 1 when every value is right. An estimate of the risk may be negative, so it may exceed 1.

    Raises:
        ValueError: If an array is empty, not finite or of another shape, or an output has one value only.

    Example:
        >>> rows = np.linspace(-1, 1, 40)[:, None]
        >>> dev_r2(rows, rows, rows, rows + 1)
        1.0

    Reference:
        You, Wang, Long, Jordan: Towards Accurate Model Selection in Deep Unsupervised Domain Adaptation, 2019,
        https://proceedings.mlr.press/v97/you19a.html
    """
    errors = relative_errors(source_logits, source_labels)
    features = checked_matrix(source_features, "source_features", rows=len(errors))
    return float(1 - controlled_risk(errors, density_ratios(features, target_features)))
