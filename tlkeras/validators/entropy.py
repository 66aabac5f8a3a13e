"""Confidence on the target."""

from scipy import special

from tlkeras.validators.checks import checked_logits


def entropy(target_logits):
    """Scores a model by how confident it is on the target: `-mean H(p)` with `p = softmax(logits)`.

    A model that says the same class of every row, and is sure of it, scores best: use it together with `collapse`.

    Args:
        target_logits: Array `(rows, classes)`, before any softmax.

    Returns:
        Float in [-log classes, 0]; 0 when every prediction is certain.

    Raises:
        ValueError: If logits are empty, not of rank 2 or not finite.

    Example:
        >>> round(entropy(np.zeros((5, 4))), 3)
        -1.386

    Reference:
        Morerio, Cavazza, Murino: Minimal-Entropy Correlation Alignment for Unsupervised Deep Domain Adaptation, 2018,
        https://arxiv.org/abs/1711.10288
    """
    probabilities = special.softmax(checked_logits(target_logits, "target_logits"), axis=1)
    return -float(special.entr(probabilities).sum(1).mean())
