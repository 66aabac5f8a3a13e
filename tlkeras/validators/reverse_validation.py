"""Reverse validation: from the pseudo-labels of the target back to the labels of the source."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tlkeras.validators.checks import checked_labels, checked_logits, checked_matrix


def reverse_validation(target_features, target_logits, source_features, source_labels):
    """Scores target predictions by how well they teach the source.

    A logistic regression learns the model's predictions from the standardised target features; the score is its
    accuracy on labelled source rows. Wrong target predictions make a wrong way back.

    Deviation: the papers train the reverse model by the same method as the model; here it is a linear classifier on the
    model's own features, which costs no training of a network.

    Args:
        target_features: Array `(target rows, features)`.
        target_logits: Array `(target rows, classes)`, before any softmax.
        source_features: Array `(source rows, features)`.
        source_labels: Integers `(source rows,)` in `0..classes - 1`.

    Returns:
        Float in [0, 1]; the share of one class in the source when the model predicts that class only.

    Raises:
        ValueError: If an array is empty, not finite or of another shape, or labels do not fit the logits.

    Example:
        >>> labels = np.arange(30) % 3
        >>> features = np.eye(3)[labels]
        >>> reverse_validation(features, 9 * np.eye(3)[labels], features, labels)
        1.0

    Reference:
        Zhong, Fan, Yang, Verscheure, Ren: Cross Validation Framework to Choose amongst Models and Datasets for
        Transfer Learning, 2010, https://doi.org/10.1007/978-3-642-15939-8_35; Ganin et al.: Domain-Adversarial
        Training of Neural Networks, 2016, https://arxiv.org/abs/1505.07818
    """
    logits = checked_logits(target_logits, "target_logits")
    target = checked_matrix(target_features, "target_features", rows=len(logits))
    source = checked_matrix(source_features, "source_features", columns=target.shape[1])
    labels = checked_labels(source_labels, len(source), logits.shape[1])
    predicted = logits.argmax(1)
    if np.ptp(predicted) == 0:  # a classifier cannot be fitted to one class
        return float((labels == predicted[0]).mean())
    reverse = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(target, predicted)
    return float((reverse.predict(source) == labels).mean())
