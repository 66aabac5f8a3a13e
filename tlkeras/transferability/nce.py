"""NCE: the negative conditional entropy of the target's labels, given those of the source."""

import numpy as np

from tlkeras.transferability.checks import checked_labels


def nce(source_labels, labels):
    """Scores a source task by how far its labels of the same rows tell the target's labels.

    `-H(Y | Z) = sum over y, z of P(y, z) log P(y | z)` with counts for probabilities. Where the rows have no labels of
    the source, take the most probable class of a source classifier.

    Args:
        source_labels: Integer labels `(rows,)` of the source task.
        labels: Integer labels `(rows,)` of the target, at least two classes.

    Returns:
        Float in [-log classes, 0]; higher means better, 0 that the source label tells the label.

    Raises:
        ValueError: If the labels are not integers of one length, or the target has fewer than two classes.

    Example:
        >>> nce([0, 0, 1, 2], [0, 0, 1, 1])
        0.0
        >>> round(nce([0, 1, 0, 1], [0, 0, 1, 1]), 4)
        -0.6931

    Reference:
        Tran, Nguyen, Hassner: Transferability and Hardness of Supervised Classification Tasks, 2019,
        https://arxiv.org/abs/1908.08142
    """
    source_labels = np.asarray(source_labels)
    if source_labels.ndim != 1 or source_labels.dtype.kind not in "iu":
        raise ValueError(
            "`source_labels` must be integers of shape (rows,). "
            f"Received: shape={source_labels.shape}, dtype={source_labels.dtype}"
        )
    labels = checked_labels(labels, len(source_labels))
    _, source = np.unique(source_labels, return_inverse=True)
    joint = np.zeros((labels.max() + 1, source.max() + 1))
    np.add.at(joint, (labels, source), 1 / len(labels))
    conditional = joint / joint.sum(0)
    return float((joint * np.log(np.where(joint, conditional, 1))).sum())
