"""Confidence and diversity on the target in one number, the nuclear norm."""

import numpy as np
from scipy import special

from tlkeras.validators.checks import checked_logits


def nuclear_norm(target_logits):
    """Scores target predictions by the sum of the singular values of `P = softmax(logits)`, `||P||_* / largest`.

    It rewards confident predictions spread over many classes. The largest value that `||P||_*` can have is
    `sqrt(rows min(rows, classes))`; the paper divides by the rows, which gives the same order of models for the same
    rows, but a value that falls with the number of rows.

    Args:
        target_logits: Array `(rows, classes)`, before any softmax.

    Returns:
        Float in (0, 1]: 1 when all are certain and the classes balanced, `1 / sqrt(min(rows, classes))` when all are
        certain of the same class. The least is a prediction without any preference, about `1 / classes`.

    Raises:
        ValueError: If logits are empty, not of rank 2 or not finite.

    Example:
        >>> round(nuclear_norm(100.0 * np.eye(3)), 3)
        1.0

    Reference:
        Cui, Wang, Zhuo, Li, Huang, Tian: Towards Discriminability and Diversity: Batch Nuclear-norm Maximization under
        Label Insufficient Situations, 2020, https://arxiv.org/abs/2003.12237
    """
    probabilities = special.softmax(checked_logits(target_logits, "target_logits"), axis=1)
    largest = np.sqrt(len(probabilities) * min(probabilities.shape))
    return float(np.linalg.norm(probabilities, "nuc") / largest)
