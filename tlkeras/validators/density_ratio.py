"""How much more often a source row would occur in the target."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tlkeras.validators.checks import checked_matrix

FOLDS = 5
STRENGTHS = (1e-4, 1e-2, 1.0)  # scikit-learn's `C` of standardised features, from stiff to its default
LARGEST_LOG_ODDS = 30.0  # a row as certain as this is the whole average anyway; exp of 710 would be infinite


def density_ratios(source_features, target_features):
    """Estimates `w_i = p_target(x_i) / p_source(x_i)` at every source row by telling the domains apart.

    `w_i = odds_i rows_source / rows_target` with the odds of a logistic regression on standardised features that it be
    a target row. A row is judged by a classifier that has not seen it (5 folds, fixed), and the regularisation is the
    one with the least log loss on such rows.

    Args:
        source_features: Array `(source rows, features)`, at least two rows.
        target_features: Array `(target rows, features)`, at least two rows.

    Returns:
        Array `(source rows,)` > 0, about 1 on the average and everywhere where the domains cannot be told apart.

    Raises:
        ValueError: If features are empty, not finite or of unequal width, or a domain has one row only.

    Example:
        >>> rows = np.linspace(-1, 1, 40)[:, None]
        >>> ratios = density_ratios(rows, rows + 1)
        >>> bool(ratios[0] < 1 < ratios[-1])
        True

    Reference:
        Bickel, Brückner, Scheffer: Discriminative Learning for Differing Training and Test Distributions, 2007,
        https://doi.org/10.1145/1273496.1273507
    """
    source = checked_matrix(source_features, "source_features")
    target = checked_matrix(target_features, "target_features", columns=source.shape[1])
    least = min(len(source), len(target))
    if least < 2:
        raise ValueError(
            "`source_features` and `target_features` must have at least two rows each. "
            f"Received: shapes {source.shape} and {target.shape}"
        )
    features = np.concatenate([source, target])
    of_target = np.arange(len(features)) >= len(source)
    folds = StratifiedKFold(min(FOLDS, least), shuffle=True, random_state=0)
    choices = [_held_out_log_odds(features, of_target, folds, strength) for strength in STRENGTHS]
    losses = [np.logaddexp(0, np.where(of_target, -log_odds, log_odds)).mean() for log_odds in choices]
    best = choices[np.argmin(losses)][: len(source)]
    return np.exp(np.minimum(best, LARGEST_LOG_ODDS)) * len(source) / len(target)


def _held_out_log_odds(features, of_target, folds, strength):
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1000))
    return cross_val_predict(classifier, features, of_target, cv=folds, method="decision_function")
