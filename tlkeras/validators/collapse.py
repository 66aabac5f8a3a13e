"""Whether predictions or features have collapsed, in words."""

import numpy as np

from tlkeras.validators.checks import checked_logits, checked_matrix
from tlkeras.validators.rankme import rankme

FEWEST_CLASSES = 0.5  # of those that rows of the prior would show; adapted models miss one or two of ten, not half
PRESENT = 0.1  # of its share in the prior; a class below it is a few stray rows
LEAST_OTHERS = 0.1  # of the rows that the prior puts outside of one class: of ten even classes, one with 91 % or more
LEAST_RANK = 1.5  # one direction and traces of a second; three classes on their own need two
FARTHEST = 0.4  # as many rows at least are wrong: the distance from the true balance never exceeds the error rate


def collapse(target_logits, target_features=None, *, prior=None):
    """Tells why a model must not be chosen, whatever its score: most scores prefer a model that has collapsed.

    The reasons: values that are not finite (then no other is looked for); few predicted classes; one class with nearly
    all rows; features of nearly one direction; predicted classes far from the prior. The first three are judged
    against the prior, so that a target which truly has few classes is described by it. Without `prior` the classes are
    taken as even, and the last reason is not looked for.

    Args:
        target_logits: Array `(rows, classes)`, before any softmax; rows in which a sample of the target is large
            enough to show its classes.
        target_features: Array `(rows, features)`, or None. Their rank counts where three classes or more are expected
            and there is more than one feature.
        prior: Shares of the classes in the target `(classes,)`, each >= 0 with sum 1, or None.

    Returns:
        Tuple of strings, one for each reason; empty when there is none.

    Raises:
        ValueError: If an array is empty or of another shape, or `prior` is no distribution over the classes.

    Example:
        >>> collapse(np.eye(4)[[0, 1, 2, 3] * 5])
        ()
        >>> collapse(np.eye(4)[[2] * 20])
        ('predicts 1 of 4 expected classes', '100.0 % of the rows are predicted as class 2, where 25.0 % are expected')
        >>> collapse(np.eye(4)[[0, 1] * 10], prior=[0.5, 0.5, 0, 0])
        ()
    """
    logits = np.asarray(target_logits, "float64")
    features = None if target_features is None else np.asarray(target_features, "float64")
    checked_logits(np.nan_to_num(logits), "target_logits")
    if features is not None:
        checked_matrix(np.nan_to_num(features), "target_features", rows=len(logits))
    balance = np.full(logits.shape[1], 1 / logits.shape[1]) if prior is None else _checked_prior(prior, logits.shape[1])
    broken = diverged(logits, "target_logits") + diverged(features, "target_features")
    if broken:
        return broken
    shares = np.bincount(logits.argmax(1), minlength=logits.shape[1]) / len(logits)
    reasons = _few_classes(shares, balance, len(logits)) + _one_class(shares, balance)
    if features is not None and min(features.shape) > 1 and np.count_nonzero(balance) > 2:
        reasons += _one_direction(features)
    if prior is not None:
        reasons += _far(shares, balance, len(logits))
    return reasons


def _checked_prior(prior, classes):
    prior = np.asarray(prior, "float64")
    if prior.shape != (classes,) or not (prior >= 0).all() or abs(prior.sum() - 1) > 1e-3:
        raise ValueError(
            f"`prior` must be the shares of the {classes} classes, each >= 0 with sum 1. "
            f"Received: shape={prior.shape}, minimum {prior.min(initial=np.inf):.4g}, sum {prior.sum():.4g}"
        )
    return prior / prior.sum()


def diverged(matrix, name):
    """Returns the reason that an array is not finite as a tuple, empty where it is finite or None.

    Args:
        matrix: Array `(rows, columns)`, or None.
        name: What to call it.
    """
    wrong = 0 if matrix is None else np.count_nonzero(~np.isfinite(matrix).all(1))
    return (f"diverged: `{name}` is not finite in {wrong} of {len(matrix)} rows",) if wrong else ()


def _few_classes(shares, balance, rows):
    expected = (1 - (1 - balance) ** rows).sum()  # classes that so many rows show on the average
    predicted = np.count_nonzero((shares > 0) & (balance > 0) & (shares >= PRESENT * balance))
    if predicted >= FEWEST_CLASSES * expected:
        return ()
    return (f"predicts {predicted} of {expected:.0f} expected classes",)


def _one_class(shares, balance):
    most = shares.argmax()
    if 1 - shares[most] >= LEAST_OTHERS * (1 - balance[most]):
        return ()
    return (
        f"{100 * shares[most]:.1f} % of the rows are predicted as class {most}, "
        f"where {100 * balance[most]:.1f} % are expected",
    )


def _one_direction(features):
    rank = rankme(features)
    return (f"effective rank of the {features.shape[1]} features is {rank:.2f}",) if rank < LEAST_RANK else ()


def _far(shares, balance, rows):
    distance = np.abs(shares - balance).sum() / 2
    by_chance = np.sqrt(balance * (1 - balance) / rows).sum() / 2  # more than a sample of the prior has on the average
    if distance <= FARTHEST + by_chance:
        return ()
    return (f"predicted classes are {distance:.2f} from the prior in total variation, by chance {by_chance:.2f}",)
