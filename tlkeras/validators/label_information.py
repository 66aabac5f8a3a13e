"""Information of the predictions of several labels a row."""

import numpy as np
from scipy import special

from tlkeras.validators.checks import checked_matrix


def label_information(target_logits):
    """Scores target predictions by what they say of each label, without any label.

    `mean_k h(mean_i p_ik) - mean_i h(p_ik)` with `p` the sigmoid of the logits and `h` the entropy of a binary choice:
    `information_maximization` of each label. A model that is sure and uses both answers of every label scores high; a
    label that truly is rare has little to give.

    Args:
        target_logits: Array `(rows, labels)`, before the sigmoid.

    Returns:
        Float in [0, log 2]; 0 when every row gets the same answer.

    Raises:
        ValueError: If logits are empty, not of rank 2 or not finite.

    Example:
        >>> round(label_information([[9.0, -9.0], [-9.0, 9.0]]), 2)
        0.69
    """
    probabilities = special.expit(checked_matrix(target_logits, "target_logits"))
    return float(np.mean(binary_entropy(probabilities.mean(axis=0)) - binary_entropy(probabilities).mean(axis=0)))


def binary_entropy(probabilities):
    """Returns the entropy of binary choices in nats.

    Args:
        probabilities: Array of numbers in [0, 1].

    Example:
        >>> binary_entropy(np.array([0.0, 1.0])).tolist()
        [0.0, 0.0]
    """
    return special.entr(probabilities) + special.entr(1 - probabilities)
