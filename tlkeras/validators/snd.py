"""Soft neighbourhood density of target predictions."""

import numpy as np
from scipy import special

from tlkeras.validators.checks import checked_logits

CHUNK = 1024  # rows whose similarities to all rows are in memory at once


def snd(target_logits, *, temperature=0.05):
    """Scores target predictions by how many close neighbours a row has.

    With `p` the softmax of a row divided by its length and `q_ij` the softmax over `j != i` of `p_i . p_j / T`, the
    score is the mean over `i` of the entropy of `q_i`: the log of how many rows share the neighbourhood.

    A model that says the same of every row scores best: use it together with `collapse`. It grows with the number of
    rows: compare scores for the same rows only.

    Args:
        target_logits: Array `(rows, classes)`, at least two rows, before any softmax.
        temperature: Number > 0.

    Returns:
        Float in [0, log(rows - 1)].

    Raises:
        ValueError: If logits have fewer than two rows, are not of rank 2 or not finite, or `temperature` is not above
            0.

    Example:
        >>> dense, sparse = 100.0 * np.eye(2)[[0, 0, 0, 1, 1, 1]], 100.0 * np.eye(6)[[0, 0, 1, 1, 2, 2]]
        >>> snd(dense) > snd(sparse)
        True

    Reference:
        Saito, Kim, Teterwak, Sclaroff, Darrell, Saenko: Tune it the Right Way: Unsupervised Validation of Domain
        Adaptation via Soft Neighborhood Density, 2021, https://arxiv.org/abs/2108.10860
    """
    logits = checked_logits(target_logits, "target_logits")
    if len(logits) < 2:
        raise ValueError(f"`target_logits` must have at least two rows. Received: shape={logits.shape}")
    if not 0 < temperature < np.inf:
        raise ValueError(f"`temperature` must be a number > 0. Received: temperature={temperature!r}")
    directions = special.softmax(logits, axis=1)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    total = 0.0
    for first in range(0, len(directions), CHUNK):
        similarities = directions[first : first + CHUNK] @ directions.T / temperature
        own = np.arange(len(similarities))
        similarities[own, first + own] = -np.inf
        total += special.entr(special.softmax(similarities, axis=1)).sum()
    return float(total / len(directions))
