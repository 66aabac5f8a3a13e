"""How well a linear classifier tells source from target: proxy A-distance."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tlkeras.validators.checks import checked_matrix

ROWS = 1000  # of a domain; a proportion of so many rows is known to within 3 points
FOLDS = 5
# scikit-learn's `C`. Of 1, 0.01, 0.001 and 0.0001 the one with the highest AUC between the domains of PACS and of
# Office-Caltech for most of the nine pairs, and faster than the default.
STRENGTH = 0.01


def proxy_a_distance(source_features, target_features, *, rows=ROWS, seed=0):
    """Distance of two samples, `2 (1 - 2 error)`, with the error of a classifier that tells them apart.

    The classifier is `domain_scores`, the error the mean of its errors on source and on target rows, so that samples
    may differ in size. An error above 1/2, which chance brings about, counts as 1/2. Compare distances of samples of
    equal size: with more rows the classifier sees more.

    Args:
        source_features: Array `(source rows, features)`, at least 5 rows.
        target_features: Array `(target rows, features)`, at least 5 rows.
        rows: Most rows of a domain that are looked at, drawn without replacement.
        seed: Integer >= 0, of the rows drawn and of the folds.

    Returns:
        Float in [0, 2]; 0 when the domains cannot be told apart, 2 when no row is mistaken.

    Raises:
        ValueError: If features are not finite, not of one width, or a domain has fewer than 5 rows.

    Example:
        >>> features = np.random.default_rng(0).normal(size=(60, 3))
        >>> proxy_a_distance(features, features + 10.0)
        2.0

    Reference:
        Ben-David, Blitzer, Crammer, Kulesza, Pereira, Vaughan: A theory of learning from different domains, 2010,
        https://doi.org/10.1007/s10994-009-5152-4
    """
    source, target = (sampled(x, rows, (seed, side)) for side, x in enumerate((source_features, target_features)))
    return distance_of_scores(*domain_scores(source, target, seed=seed))


def distance_of_scores(source_scores, target_scores):
    """Returns the proxy A-distance of the scores that `domain_scores` gave.

    Args:
        source_scores: Logits `(source rows,)`, above 0 for what is taken for a source row.
        target_scores: Logits `(target rows,)`.

    Example:
        >>> distance_of_scores([1.0, 2.0], [-1.0, 1.0])
        1.0
    """
    error = (np.mean(np.asarray(source_scores) <= 0) + np.mean(np.asarray(target_scores) > 0)) / 2
    return float(max(2 * (1 - 2 * error), 0.0))


def domain_scores(source_features, target_features, *, seed=0):
    """Scores of a logistic regression that tells source from target, each row by one that was not trained on it.

    Features are standardised, both domains weigh the same, and there are 5 folds.

    Args:
        source_features: Array `(source rows, features)`, at least 5 rows.
        target_features: Array `(target rows, features)`, at least 5 rows.
        seed: Integer >= 0, of the folds.

    Returns:
        `(source scores, target scores)`: logits, arrays of one number a row; above 0 means source.

    Raises:
        ValueError: If features are not finite, not of one width, or a domain has fewer than 5 rows.

    Example:
        >>> features = np.random.default_rng(0).normal(size=(60, 3))
        >>> [scores.shape for scores in domain_scores(features, features[:40] + 10.0)]
        [(60,), (40,)]
    """
    source = checked_matrix(source_features, "source_features")
    target = checked_matrix(target_features, "target_features", columns=source.shape[1])
    for name, features in (("source_features", source), ("target_features", target)):
        if len(features) < FOLDS:
            raise ValueError(f"`{name}` must have at least {FOLDS} rows. Received: {len(features)}")
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=1000))
    scores = cross_val_predict(
        classifier, np.concatenate([source, target]), np.arange(len(source) + len(target)) < len(source),
        cv=StratifiedKFold(FOLDS, shuffle=True, random_state=seed), method="decision_function",
    )  # fmt: skip
    return scores[: len(source)], scores[len(source) :]


def sampled(features, rows, seed):
    """Returns at most `rows` of the features, drawn without replacement, in the order drawn.

    Args:
        features: Array `(rows, features)`.
        rows: Integer >= 1.
        seed: Integer >= 0, or several.

    Example:
        >>> sampled(np.eye(9), 4, seed=0).shape
        (4, 9)
    """
    features = np.asarray(features)
    return features[np.random.default_rng(seed).permutation(len(features))[:rows]]
