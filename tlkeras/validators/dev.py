"""Deep embedded validation: the target risk from weighted source rows, with less variance."""

import numpy as np

from tlkeras.validators.checks import checked_labels, checked_logits, checked_matrix
from tlkeras.validators.density_ratio import density_ratios


def dev(source_logits, source_labels, source_features, target_features):
    """Scores a model by minus its estimated error rate on the target.

    With `l_i` 1 for a wrong prediction of a held-out source row and `w_i = p_target(x_i) / p_source(x_i)`, the risk is
    `mean(w l) + eta mean(w) - eta`, `eta = -cov(w l, w) / var(w)`. The mean of the true ratios is 1: where that of the
    estimates is not, the control variate corrects the risk for it.

    Deviations: the domains are told apart by logistic regression instead of a network of three layers; each held-out
    source row is judged by a classifier that has not seen it, instead of a third set of source rows; the
    regularisation is chosen by log loss instead of accuracy. See `density_ratios`.

    Args:
        source_logits: Array `(source rows, classes)` of rows that the model was not trained on, before any softmax.
        source_labels: Integers `(source rows,)` in `0..classes - 1`.
        source_features: Array `(source rows, features)`, at least two rows.
        target_features: Array `(target rows, features)`, at least two rows.

    Returns:
        Float; 0 when every prediction is right, minus the error rate where the domains cannot be told apart. Without
        bounds: an estimate of the risk may leave [0, 1].

    Raises:
        ValueError: If an array is empty, not finite or of another shape, or labels do not fit the logits.

    Example:
        >>> rows = np.linspace(-1, 1, 40)
        >>> features, right_above_0 = rows[:, None], np.stack([-rows, rows], 1)
        >>> dev(right_above_0, np.ones(40, int), features, features + 1) > -0.5
        True

    Reference:
        You, Wang, Long, Jordan: Towards Accurate Model Selection in Deep Unsupervised Domain Adaptation, 2019,
        https://proceedings.mlr.press/v97/you19a.html
    """
    logits = checked_logits(source_logits, "source_logits")
    labels = checked_labels(source_labels, *logits.shape)
    features = checked_matrix(source_features, "source_features", rows=len(logits))
    return -controlled_risk(logits.argmax(1) != labels, density_ratios(features, target_features))


def controlled_risk(errors, weights):
    """Returns the weighted mean of the errors with the weights themselves as control variate.

    Args:
        errors: Array `(rows,)`, at least two rows.
        weights: Array `(rows,)` whose expectation is 1.

    Returns:
        Float.

    Example:
        >>> controlled_risk(np.array([0.0, 0.0, 1.0, 1.0]), np.array([1.0, 1.0, 1.0, 1.0]))
        0.5
    """
    weighted = weights * errors
    covariance = np.cov(weighted, weights)
    if not covariance[1, 1]:
        return float(weighted.mean())
    slope = covariance[0, 1] / covariance[1, 1]
    return float(weighted.mean() - slope * (weights.mean() - 1))
