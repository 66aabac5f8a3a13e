"""Shares of the classes in a target without labels, estimated before any network is trained."""

import dataclasses

import numpy as np
from scipy import optimize, special
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tlkeras.ops.label_shift import bbse, mlls
from tlkeras.transferability.checks import checked_labels, checked_matrix
from tlkeras.validators.a_distance import FOLDS, ROWS, STRENGTH, sampled

DRAWS = 50  # of the source, for what chance does: the 95 % quantile then is the third largest
RARE = 0.1  # of the source's share: a class with less of the target, and of 5 rows expected there, may be absent


@dataclasses.dataclass(frozen=True)
class ClassShares:
    """Shares of the classes; those of the target are right where only the shares differ.

    Attributes:
        source: Shares in the source, `(classes,)`.
        bbse: Estimate for the target by `ops.bbse`, or None where a class is never predicted.
        mlls: Estimate for the target by `ops.mlls`.
        total_variation: Half the sum of `|mlls - source|`: the part of the rows that would have to change class.
        chance: What `total_variation` reaches in 5 % of draws from the source itself, as large as the target.
        accuracy: Of the classifier on source rows that it was not trained on.
        target_rows: Rows of the target that were looked at.
    """

    source: np.ndarray
    bbse: np.ndarray | None
    mlls: np.ndarray
    total_variation: float
    chance: float
    accuracy: float
    target_rows: int

    @property
    def perhaps_absent(self):
        """Indices of the classes that keep less than a tenth of their share, where 5 rows at least were expected."""
        return np.flatnonzero((self.mlls < RARE * self.source) & (self.source * self.target_rows >= 5))


def class_shares(source_features, source_labels, target_features, *, rows=ROWS, seed=0) -> ClassShares:
    """Estimates the shares of the classes in the target by a logistic regression on source features.

    BBSE reads its predictions and its confusion on source rows that it was not trained on (5 folds), MLLS its
    probabilities, whose temperature is fitted to such rows. Both assume that only the shares differ: each class looks
    the same in both domains. Where that is wrong they are wrong, see `matched_rows` for a check.

    Args:
        source_features: Array `(source rows, features)`.
        source_labels: Integer labels `(source rows,)`, at least two classes of at least 5 rows.
        target_features: Array `(target rows, features)`.
        rows: About the most rows of a domain that are looked at; of every source class at least 5.
        seed: Integer >= 0.

    Returns:
        `ClassShares`; classes without a source row have no entry.

    Raises:
        ValueError: If features are not finite or not of one width, or a class has fewer than 5 rows.

    Example:
        >>> labels = np.arange(100) % 2
        >>> features = 9.0 * np.eye(2)[labels]
        >>> found = class_shares(features, labels, features[labels == 0])
        >>> found.source.tolist(), found.mlls.round(2).tolist(), round(found.total_variation, 2)
        ([0.5, 0.5], [1.0, 0.0], 0.5)

    Reference:
        Lipton, Wang, Smola: Detecting and Correcting for Label Shift with Black Box Predictors, 2018,
        https://arxiv.org/abs/1802.03916. Alexandari, Kundaje, Shrikumar: Maximum Likelihood with Bias-Corrected
        Calibration is Hard-To-Beat at Label Shift Adaptation, 2020, https://arxiv.org/abs/1901.06852
    """
    features, labels = checked_matrix(source_features, "source_features"), np.asarray(source_labels)
    labels = checked_labels(labels, len(features))
    target = sampled(checked_matrix(target_features, "target_features"), rows, (seed, 1))
    shares = np.bincount(labels) / len(labels)
    own = _drawn(labels, rows, seed)
    held_out, probabilities = _probabilities(features[own], labels[own], target, seed)
    prior = np.bincount(labels[own]) / len(own)
    found = mlls(probabilities, prior)
    return ClassShares(
        source=shares,
        bbse=_bbse(confusion_matrix(labels[own], held_out.argmax(1)), probabilities.argmax(1)),
        mlls=found,
        total_variation=_distance(found, shares),
        chance=_chance(held_out, prior, len(target), seed),
        accuracy=float((held_out.argmax(1) == labels[own]).mean()),
        target_rows=len(target),
    )


def matched_rows(source_labels, shares, *, seed=0):
    """Returns source rows whose classes have the given shares, as many as there are.

    Compared with the target they show what else differs: where only the shares do, nothing is left.

    Args:
        source_labels: Integer labels `(rows,)` in `0..classes - 1`.
        shares: Of each class, `(classes,)`. One below a tenth of the source's does not lower the number of rows.
        seed: Integer >= 0.

    Returns:
        int64 array of rows.

    Example:
        >>> labels = np.array([0] * 8 + [1] * 8)
        >>> np.bincount(labels[matched_rows(labels, [0.8, 0.2])]).tolist()
        [8, 2]
    """
    counts, shares = np.bincount(source_labels, minlength=len(shares)), np.asarray(shares)
    common = (shares >= RARE * counts / counts.sum()) & (counts > 0)
    wanted = np.rint(shares * (counts[common] / shares[common]).min()).astype(int)
    random = np.random.default_rng(seed)
    return np.concatenate(
        [random.permutation(np.flatnonzero(source_labels == label))[:count] for label, count in enumerate(wanted)]
    )


def _drawn(labels, rows, seed):
    counts = np.bincount(labels)
    if counts.min() < FOLDS:
        raise ValueError(
            f"`source_labels` must have at least {FOLDS} rows of every class. "
            f"Received: {counts.min()} of class {counts.argmin()}"
        )
    random, part = np.random.default_rng((seed, 0)), min(1.0, rows / len(labels))
    return np.concatenate(
        [
            random.permutation(np.flatnonzero(labels == label))[: max(FOLDS, round(part * count))]
            for label, count in enumerate(counts)
        ]
    )


def _probabilities(features, labels, target, seed):
    """Returns calibrated probabilities of source rows, by classifiers that have not seen them, and of the target."""
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=1000))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    held_out = cross_val_predict(classifier, features, labels, cv=folds, method="predict_log_proba")
    truth = np.arange(len(labels)), labels

    def loss(log_scale):
        return -special.log_softmax(np.exp(log_scale) * held_out, axis=1)[truth].mean()

    scale = np.exp(optimize.minimize_scalar(loss, bounds=(-3, 3), method="bounded").x)
    logits = classifier.fit(features, labels).predict_log_proba(target)
    return special.softmax(scale * held_out, axis=1), special.softmax(scale * logits, axis=1)


def _bbse(confusion, predicted):
    try:
        return bbse(confusion, predicted)
    except ValueError:  # singular: the classifier does not tell all classes apart
        return None


def _chance(held_out, prior, rows, seed):
    random = np.random.default_rng(seed)
    draws = [mlls(held_out[random.integers(0, len(held_out), rows)], prior) for _ in range(DRAWS)]
    return float(np.quantile([_distance(shares, prior) for shares in draws], 0.95))


def _distance(shares, others):
    return float(np.abs(shares - others).sum() / 2)
