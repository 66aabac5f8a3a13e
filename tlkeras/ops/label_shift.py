"""Class proportions that differ between source and target: recover them, and correct the predictions by them.

Label shift means that each class looks the same in both domains and only its share differs.
"""

import keras
import numpy as np

ITERATIONS, TOLERANCE = 10_000, 1e-8  # of the expectation maximisation; the largest change of a share that ends it


def bbse(confusion, predicted):
    """Shares of the classes in the target, from what a black-box classifier predicts there.

    Solves `sum_y p(predicted = k | y) q(y) = share of k in predicted` for `q`, with `p(predicted = k | y)` from the
    confusion matrix; shares below 0, which noise brings about, become 0, and the rest is divided by its sum. The shares
    of the classes in the matrix itself do not matter.

    Args:
        confusion: Counts `(classes, classes)` on labelled source rows that the classifier was not trained on: true
            classes are the rows, predicted classes the columns, as in scikit-learn.
        predicted: Integer predictions of the same classifier on the target, `(rows,)`. A class that is never predicted
            there gets a share of 0 or little more.

    Returns:
        NumPy array `(classes,)`, float64, >= 0, sum 1.

    Raises:
        ValueError: If the confusion matrix is not square, holds negative numbers, has a class without rows, or is
            singular, as it is when a class is never predicted; if predictions are not integers in `0..classes - 1`.

    Example:
        >>> bbse([[9, 1], [2, 8]], [0, 0, 0, 1]).round(3).tolist()
        [0.786, 0.214]

    Reference:
        Lipton, Wang, Smola: Detecting and Correcting for Label Shift with Black Box Predictors, 2018,
        https://arxiv.org/abs/1802.03916
    """
    counts = np.asarray(keras.ops.convert_to_numpy(confusion), dtype="float64")
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or len(counts) < 2 or not (counts >= 0).all():
        raise ValueError(
            f"`confusion` must be counts >= 0 of shape (classes, classes). Received: shape={counts.shape}"
            + (f", smallest {counts.min()}" if counts.size else "")
        )
    if not counts.sum(axis=1).all():
        raise ValueError(
            "`confusion` must have source rows of every class. "
            f"Received: none of {np.flatnonzero(counts.sum(axis=1) == 0).tolist()}"
        )
    given_class = (counts / counts.sum(axis=1, keepdims=True)).T
    if np.linalg.matrix_rank(given_class) < len(counts):
        raise ValueError(
            "`confusion` must be invertible: the predictions do not tell all classes apart. Merge the classes that are "
            f"never predicted with others. Received: never predicted {np.flatnonzero(counts.sum(axis=0) == 0).tolist()}"
        )
    shares = np.maximum(np.linalg.solve(given_class, _shares_of(predicted, len(counts))), 0.0)
    return shares / shares.sum()


def mlls(probabilities, source_prior):
    """Shares of the classes in the target, of greatest likelihood under a classifier's probabilities.

    Expectation maximisation: `q <- mean over rows of P(x) q / p`, each row normalised, from `q = p` on, until no share
    moves by more than 1e-8. It is as good as the probabilities are calibrated: on held-out source rows fit a
    temperature first, and a bias for each class.

    Args:
        probabilities: `(rows, classes)` on the target, rows sum to 1.
        source_prior: Shares of the classes in the data that the classifier was trained on, `(classes,)`.

    Returns:
        NumPy array `(classes,)`, float64, >= 0, sum 1. A class that is never predicted gets a share near 0.

    Raises:
        ValueError: If the rows are no probabilities, or the prior has a zero or does not sum to 1.

    Example:
        >>> mlls([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8]], [0.5, 0.5]).round(3).tolist()
        [0.847, 0.153]

    Reference:
        Saerens, Latinne, Decaestecker: Adjusting the Outputs of a Classifier to New a Priori Probabilities, 2002.
        Alexandari, Kundaje, Shrikumar: Maximum Likelihood with Bias-Corrected Calibration is Hard-To-Beat at Label
        Shift Adaptation, 2020, https://arxiv.org/abs/1901.06852
    """
    p = _checked_probabilities(probabilities)
    source = check_prior("source_prior", source_prior, p.shape[1])
    shares = source
    for _ in range(ITERATIONS):
        previous, shares = shares, _corrected(p, shares / source).mean(axis=0)
        if np.abs(shares - previous).max() <= TOLERANCE:
            break
    return shares


def prior_corrected(probabilities, source_prior, target_prior):
    """Predictions as they would be, had the classifier been trained with the target's shares of the classes.

    `P'(y | x) = P(y | x) q(y) / p(y)`, each row divided by its sum.

    Args:
        probabilities: `(rows, classes)`, rows sum to 1.
        source_prior: `(classes,)`, the shares `p` that the classifier was trained with.
        target_prior: `(classes,)`, the shares `q` in the target, from `bbse` or `mlls`. A class with a share of 0 is no
            longer predicted.

    Returns:
        NumPy array `(rows, classes)`, float64, rows sum to 1.

    Raises:
        ValueError: If the rows are no probabilities, a prior is not one, the source's has a zero, or a row holds
            nothing but classes that the target's leaves out.

    Example:
        >>> prior_corrected([[0.5, 0.5]], [0.5, 0.5], [0.2, 0.8]).tolist()
        [[0.2, 0.8]]

    Reference:
        Saerens, Latinne, Decaestecker: Adjusting the Outputs of a Classifier to New a Priori Probabilities, 2002
    """
    p = _checked_probabilities(probabilities)
    source = check_prior("source_prior", source_prior, p.shape[1])
    target = check_prior("target_prior", target_prior, p.shape[1], positive=False)
    lost = np.flatnonzero((p * target).sum(axis=1) == 0)
    if len(lost):
        raise ValueError(
            "`target_prior` must leave every row a class: give rare classes a small share. "
            f"Received: nothing left of row {lost[0]}, predicted as class {p[lost[0]].argmax()}"
        )
    return _corrected(p, target / source)


def check_prior(name, prior, classes, positive=True):
    """Returns shares of classes as a float64 array, or raises.

    Args:
        name: Name of the argument, for the error.
        prior: What the caller gave for it.
        classes: Number of classes.
        positive: Whether a share of 0 is refused.

    Raises:
        ValueError: If `prior` is not `(classes,)`, does not sum to 1 or holds a number that is too small.

    Example:
        >>> check_prior("prior", [0.25, 0.75], classes=2).tolist()
        [0.25, 0.75]
    """
    shares = np.asarray(keras.ops.convert_to_numpy(prior), dtype="float64")
    good = shares.shape == (classes,) and (shares > 0 if positive else shares >= 0).all()
    if not good or not np.isclose(shares.sum(), 1.0, atol=1e-3):
        raise ValueError(
            f"`{name}` must hold {classes} numbers {'>' if positive else '>='} 0 that sum to 1: give an absent class a "
            f"small share. Received: {name}={shares.tolist()}"
        )
    return shares / shares.sum()


def _corrected(probabilities, ratios):
    weighted = probabilities * ratios
    return weighted / weighted.sum(axis=1, keepdims=True)


def _checked_probabilities(probabilities):
    p = np.asarray(keras.ops.convert_to_numpy(probabilities), dtype="float64")
    if p.ndim != 2 or p.shape[1] < 2 or not len(p):
        raise ValueError(f"`probabilities` must be (rows, classes), at least one row. Received: shape={p.shape}")
    if not (p >= 0).all() or not np.allclose(p.sum(axis=1), 1.0, atol=1e-3):
        raise ValueError(
            "`probabilities` must hold rows >= 0 that sum to 1: apply a softmax to logits. "
            f"Received: smallest entry {p.min():.4g}, sums from {p.sum(axis=1).min():.4g} to {p.sum(axis=1).max():.4g}"
        )
    return p


def _shares_of(predicted, classes):
    labels = np.asarray(keras.ops.convert_to_numpy(predicted))
    if labels.ndim != 1 or not len(labels) or labels.dtype.kind not in "iu":
        raise ValueError(
            "`predicted` must be integers (rows,): take the argmax of probabilities. "
            f"Received: shape={labels.shape}, dtype={labels.dtype}"
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"`predicted` must be in 0..{classes - 1}. Received: from {labels.min()} to {labels.max()}")
    return np.bincount(labels, minlength=classes) / len(labels)
