"""H-score: how much of the spread of features lies between classes."""

import numpy as np
from scipy import linalg
from sklearn.covariance import ledoit_wolf_shrinkage

from tlkeras.transferability.checks import checked_labels, checked_matrix


def h_score(features, labels, *, shrinkage=True):
    """Scores features by the share of their variance that lies between the classes, summed over directions.

    `trace(C^-1 B)` with `C` the covariance of the features and `B` that of their class means, `C = B + W`, where `W`,
    the covariance within classes, has no negative eigenvalue. So every eigenvalue of `C^-1 B` is in [0, 1], and `B`, of
    rank classes - 1 at most, leaves no more than that many above 0: the score is in [0, classes - 1].

    With rows no more than features + 1, `C` is singular and the plain score is classes - 1 for any features, also for
    noise. The default therefore shrinks `C`, as Ibrahim et al. do: `trace(((1 - s) C + s v I)^-1 (1 - s) B)` with `v`
    the mean variance and `s` of Ledoit and Wolf. The bound holds all the more, since `(1 - s) C` was only added to.

    Args:
        features: Array `(rows, features)`; the score does not change with their scale.
        labels: Integer labels `(rows,)`, at least two classes.
        shrinkage: Whether to shrink the covariance. False is the score of Bao et al., with a pseudo-inverse where the
            covariance is singular.

    Returns:
        Float in [0, classes - 1]; higher means better, 0 that all classes have one mean.

    Raises:
        ValueError: If features are not finite or all constant, or there are fewer than two classes.

    Example:
        >>> labels = np.arange(30) % 3
        >>> noise = np.random.default_rng(0).normal(size=(30, 2))
        >>> h_score(noise, labels) < h_score(noise + 5 * np.eye(3)[labels, :2], labels) < 2
        True

    Reference:
        Bao, Li, Huang, Zhang, Zheng, Zamir, Guibas: An Information-Theoretic Approach to Transferability in Task
        Transfer Learning, 2019, https://arxiv.org/abs/2212.10082.
        Ibrahim, Ponomareva, Mazumder: Newer is not always better: Rethinking transferability metrics, their
        peculiarities, stability and performance, 2021, https://arxiv.org/abs/2110.06893
    """
    features = checked_matrix(features, "features")
    labels = checked_labels(labels, len(features))
    if not np.ptp(features, axis=0).any():
        raise ValueError(f"`features` must not all be constant. Received: shape={features.shape}, one value a column")
    features = features - features.mean(0)
    shares = np.bincount(labels) / len(labels)
    if not shrinkage:
        return float(shares @ (_class_means(_whitened(features), labels) ** 2).sum(1))
    covariance, means = features.T @ features / len(features), _class_means(features, labels)
    amount = ledoit_wolf_shrinkage(features, assume_centered=True)
    shrunk = (1 - amount) * covariance
    shrunk[np.diag_indices_from(shrunk)] += amount * np.trace(covariance) / len(covariance)
    solved = linalg.solve(shrunk, means.T, assume_a="pos")
    return float((1 - amount) * shares @ np.einsum("cf,fc->c", means, solved))


def _class_means(features, labels):
    return np.stack([features[labels == label].mean(0) for label in range(labels.max() + 1)])


def _whitened(features):
    """Returns the rows in coordinates of covariance 1, where rounding cannot break the bound of the score."""
    left, singular, _ = np.linalg.svd(features, full_matrices=False)
    kept = singular > singular[0] * max(features.shape) * np.finfo(float).eps
    return left[:, kept] * np.sqrt(len(features))
