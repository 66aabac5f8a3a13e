"""ClassAMI: whether clusters of the target are what the model says are classes."""

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_mutual_info_score

from tlkeras.validators.checks import checked_logits, checked_matrix


def class_ami(target_features, target_logits):
    """Scores a model by the adjusted mutual information between its predictions and k-means clusters of its features.

    There are as many clusters as classes; the seed is fixed and the best of ten starts counts, so that equal features
    give equal scores. Features that do not separate the classes score low, and so do predictions that cut through
    clusters.

    Args:
        target_features: Array `(rows, features)`.
        target_logits: Array `(rows, classes)`, before any softmax.

    Returns:
        Float, at most 1: 1 when the clusters are the predicted classes, 0 on the average when they have nothing in
        common, 0 when the model predicts one class only.

    Raises:
        ValueError: If an array is empty, not finite or of another shape.

    Example:
        >>> labels = np.arange(30) % 3
        >>> features = np.eye(3)[labels] + np.random.default_rng(0).normal(scale=0.1, size=(30, 3))
        >>> round(class_ami(features, np.eye(3)[labels]), 6)
        1.0

    Reference:
        Musgrave, Belongie, Lim: Three New Validators and a Large-Scale Benchmark Ranking for Unsupervised Domain
        Adaptation, 2022, https://arxiv.org/abs/2208.07360
    """
    logits = checked_logits(target_logits, "target_logits")
    features = checked_matrix(target_features, "target_features", rows=len(logits))
    if np.ptp(logits.argmax(1)) == 0:  # scikit-learn gives 1 if there is one cluster as well: a model that collapsed
        return 0.0
    clusters = min(logits.shape[1], len(np.unique(features, axis=0)))
    found = KMeans(clusters, n_init=10, random_state=0).fit_predict(features)
    return float(adjusted_mutual_info_score(logits.argmax(1), found))
