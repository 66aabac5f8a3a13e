"""RankMe: how many directions the features use."""

import numpy as np
from scipy import special

from tlkeras.validators.checks import checked_matrix


def rankme(target_features):
    """Scores features by their effective rank, `exp(H(p))` with `p` the singular values divided by their sum.

    It says whether the features use their dimensions, and nothing of the classifier. The features are not centred, as
    in the paper; its constant of 1e-7 within the logarithm is not needed.

    Args:
        target_features: Array `(rows, features)`.

    Returns:
        Float in [1, min(rows, features)]: 1 when every row is a multiple of the same one, the largest when all
        directions are used alike. 0 when all features are 0.

    Raises:
        ValueError: If features are empty, not of rank 2 or not finite.

    Example:
        >>> round(rankme(np.eye(4)), 3), round(rankme(np.ones((4, 4))), 3)
        (4.0, 1.0)

    Reference:
        Garrido, Balestriero, Najman, LeCun: RankMe: Assessing the Downstream Performance of Pretrained Self-Supervised
        Representations by Their Rank, 2023, https://arxiv.org/abs/2210.02885
    """
    features = checked_matrix(target_features, "target_features")
    narrow = features if features.shape[0] >= features.shape[1] else features.T
    values = np.sqrt(np.maximum(np.linalg.eigvalsh(narrow.T @ narrow), 0))  # the singular values, ten times as fast
    if not values.any():
        return 0.0
    return float(np.exp(special.entr(values / values.sum()).sum()))
