"""The guard of models that predict values or several labels: their weighted errors on held-out source rows."""

import numpy as np

from tlkeras.validators.checks import checked_multi_hot
from tlkeras.validators.density_ratio import density_ratios
from tlkeras.validators.source_r2 import relative_errors

RESAMPLES = 200
LEAST_COVERED = 0.5  # of the target: the weights of the source rows have the mean 1 where the source covers all of it
FEWEST = 30  # rows that the weighted error must rest on: below, its own interval is a guess


def weighted_checks(adapted, source_only):
    """Compares the importance-weighted errors of two models on the same held-out source rows.

    The weights `p_target(x) / p_source(x)` are those of the features of source only, for both models. Under a covariate
    shift, where a row has the same answer in both domains, the difference of the weighted errors is that on the target.
    Where the domains hardly overlap, few source rows carry all the weight and nothing can be said; neither can it where
    the answers themselves have shifted.

    Args:
        adapted: `Evidence` of the adapted model.
        source_only: `Evidence` of the other, of the same rows in the same order.

    Returns:
        `(checks, figures)`: `[(passed, sentence), ...]` and numbers for JSON.

    Example:
        >>> only_target = tlkeras.validators.Evidence(np.ones((9, 1)), answers="values")
        >>> weighted_checks(only_target, only_target)[0][0]
        (False, 'Without labelled source rows and features nothing tells ...')
    """
    fields = ("source_logits", "source_labels", "source_features", "target_features")
    if any(getattr(each, field) is None for each in (adapted, source_only) for field in fields):
        told = "Without labelled source rows and features nothing tells which model is better: `--ship` decides."
        return [(False, told)], {}
    before, after = (_errors(each) for each in (source_only, adapted))
    weights = density_ratios(source_only.source_features, source_only.target_features)
    effective, covered = float(weights.sum() ** 2 / (weights**2).sum()), float(weights.mean())
    figures = {"effective_rows": effective, "covered": covered, "source_rows": len(weights)}
    if effective < FEWEST or covered < LEAST_COVERED:
        told = (
            f"Of {len(weights)} source rows only {effective:.0f} count as target rows, and they stand for "
            f"{100 * min(covered, 1):.0f} % of the target: not enough to tell without labels which model is better; "
            "`--ship` decides."
        )
        return [(False, told)], figures
    draw, rows = np.random.default_rng(0), np.arange(len(weights))
    gains = [_gain(before, after, weights, draw.choice(rows, len(rows))) for _ in range(RESAMPLES)]
    low, high = (float(edge) for edge in np.quantile(gains, [0.025, 0.975]))
    errors = [float(np.average(each, weights=weights)) for each in (before, after)]
    figures |= {"weighted_error": errors, "gain": [low, high]}
    told = (
        f"On source rows, weighted as they occur in the target, the error goes from {errors[0]:.3f} to "
        f"{errors[1]:.3f}, a gain of {low:+.3f} to {high:+.3f}."
    )
    return [(low > 0, told)], figures


def _errors(evidence):
    """Returns the error of each source row: its share of the variance of the values, or of wrong labels."""
    if evidence.answers == "values":
        return relative_errors(evidence.source_logits, evidence.source_labels)
    logits, labels = checked_multi_hot(evidence.source_logits, evidence.source_labels)
    return np.mean((logits > 0) != (labels > 0), axis=1)


def _gain(before, after, weights, rows):
    return np.average(before[rows] - after[rows], weights=weights[rows])
