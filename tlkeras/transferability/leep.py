"""LEEP: how well a source classifier's probabilities predict the target's labels."""

import numpy as np

from tlkeras.transferability.checks import checked_labels, checked_matrix


def leep(probabilities, labels):
    """Scores a source classifier by the log-likelihood of the target labels, given its classes.

    `mean over rows of log(sum over z of P(y | z) p(z))` with `p` the source probabilities of the row, `y` its label and
    `P(y, z)` the mean of `p(z)` over the rows of label `y`. It needs a classifier: features are not enough.

    Args:
        probabilities: Array `(rows, source classes)`, each row >= 0 with sum 1.
        labels: Integer labels `(rows,)` of the target, at least two classes.

    Returns:
        Float <= 0; higher means better, 0 that the source class tells the label, and minus the entropy of the labels
        that it tells nothing.

    Raises:
        ValueError: If a row is no distribution, or there are fewer than two classes.

    Example:
        >>> leep(np.eye(3)[[0, 0, 1, 2]], [0, 0, 1, 1])
        0.0
        >>> round(leep(np.full((4, 3), 1 / 3), [0, 0, 1, 1]), 4)
        -0.6931

    Reference:
        Nguyen, Hassner, Seeger, Archambeau: LEEP: A New Measure to Evaluate Transferability of Learned
        Representations, 2020, https://arxiv.org/abs/2002.12462
    """
    probabilities = checked_matrix(probabilities, "probabilities")
    labels = checked_labels(labels, len(probabilities))
    sums = probabilities.sum(1)
    wrong = np.flatnonzero((probabilities < 0).any(1) | (np.abs(sums - 1) > 1e-3))
    if wrong.size:
        raise ValueError(
            "`probabilities` must be >= 0 with sum 1 in each row; apply softmax to logits. "
            f"Received: row {wrong[0]} with sum {sums[wrong[0]]:.4g}, minimum {probabilities[wrong[0]].min():.4g}"
        )
    probabilities = probabilities / sums[:, None]
    joint = np.eye(labels.max() + 1)[labels].T @ probabilities
    mass = joint.sum(0)
    conditional = joint / np.where(mass, mass, 1)
    return float(np.log((conditional[labels] * probabilities).sum(1)).mean())
