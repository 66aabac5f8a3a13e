"""LogME: the evidence of a linear model on frozen features."""

import numpy as np
from scipy import optimize

from tlkeras.transferability.checks import checked_labels, checked_matrix

LOG_RATIOS = np.linspace(-30, 10, 81)  # features that fit without any error would drive the ratio to 0


def logme(features, labels):
    """Scores features by how probable they make the labels under a linear model, averaged over its weights.

    For each class, with `y` 1 for its rows and 0 elsewhere, `max over a, b of log N(y; 0, I / b + F F^T / a) / rows`:
    the evidence of Bayesian linear regression with weights of precision `a` and noise of precision `b`; the score is
    the mean over the classes. No head is trained and no hyperparameter is left, so it does not overfit as the accuracy
    of a linear probe on its training rows does.

    The paper iterates `a` and `b` to a fixed point. Here `b` is solved for given `a / b`, which leaves a maximum over
    one number: the same optimum, and none of the paper's constants that keep its iteration from dividing by 0.

    Args:
        features: Array `(rows, features)`; neither centred nor scaled: the score does not change with their scale.
        labels: Integer labels `(rows,)`, at least two classes.

    Returns:
        Float, without bounds but that of features that say nothing, `mean over classes of
        (log(1 / share) - 1 - log(2 pi)) / 2`; higher means better. Compare scores for the same rows and labels only.

    Raises:
        ValueError: If features are not finite or all 0, or there are fewer than two classes.

    Example:
        >>> labels = np.arange(30) % 3
        >>> noise = np.random.default_rng(0).normal(size=(30, 8))
        >>> logme(noise, labels) < logme(noise + 5 * np.eye(8)[labels], labels)
        True

    Reference:
        You, Liu, Wang, Long: LogME: Practical Assessment of Pre-trained Models for Transfer Learning, 2021,
        https://arxiv.org/abs/2102.11005
    """
    features = checked_matrix(features, "features")
    labels = checked_labels(labels, len(features))
    left, singular, _ = np.linalg.svd(features, full_matrices=False)
    if not singular[0]:
        raise ValueError(f"`features` must not be all 0. Received: shape={features.shape}")
    strengths = (singular / singular[0]) ** 2
    evidences = [_evidence(left.T @ own, own, strengths) for own in np.eye(labels.max() + 1)[labels].T]
    return float(np.mean(evidences))


def _evidence(projected, own, strengths):
    """Returns the largest log evidence a row, for one class.

    Args:
        projected: The targets in the basis of the left singular vectors.
        own: The targets `(rows,)`, 1 for the rows of the class and 0 elsewhere.
        strengths: Squared singular values in units of the largest.
    """
    rows, squares = len(own), projected**2
    outside = max(own.sum() - squares.sum(), 0.0)

    def evidence(log_ratio):  # of a / b, in units of the largest strength
        ratio = np.exp(log_ratio)
        misfit = outside + (squares * ratio / (ratio + strengths)).sum()
        return (np.log(rows / misfit / (2 * np.pi)) - 1 - np.log1p(strengths / ratio).sum() / rows) / 2

    values = [evidence(log_ratio) for log_ratio in LOG_RATIOS]
    around = LOG_RATIOS[np.clip(np.argmax(values) + np.array([-1, 1]), 0, len(LOG_RATIOS) - 1)]
    refined = optimize.minimize_scalar(lambda log_ratio: -evidence(log_ratio), bounds=around, method="bounded")
    return max(-refined.fun, *values)
