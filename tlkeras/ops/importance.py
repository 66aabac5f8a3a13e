"""How much a source row or a source class counts, judged by the target."""

import keras


def density_ratios(logits, largest=10.0):
    """Odds that a row is a target row, the ratio of the densities up to a factor, with mean 1 and a bound.

    `w_i = min(exp(-z_i) / mean_j exp(-z_j), largest)`.

    Args:
        logits: A critic's logits of the source rows, `(n,)`; source = 1.
        largest: Number >= 1. Where it cuts, the mean is below 1.

    Returns:
        Tensor `(n,)` in [0, largest]; 1 everywhere when the logits are equal.

    Example:
        >>> keras.ops.convert_to_numpy(density_ratios(keras.ops.convert_to_tensor([2.0, 2.0]))).tolist()
        [1.0, 1.0]

    Reference:
        Bickel, Brückner, Scheffer: Discriminative Learning for Differing Training and Test Distributions, 2007,
        https://doi.org/10.1145/1273496.1273507
    """
    return keras.ops.minimum(_over_mean(-logits), largest)


def target_likeness(logits):
    """Probability that a row is a target row, divided by its mean: `(1 - sigmoid(z_i)) / mean_j (1 - sigmoid(z_j))`.

    Args:
        logits: A critic's logits of the source rows, `(n,)`; source = 1.

    Returns:
        Tensor `(n,)`, >= 0, mean 1; 1 everywhere when the logits are equal.

    Example:
        >>> keras.ops.convert_to_numpy(target_likeness(keras.ops.convert_to_tensor([100.0, 100.0]))).tolist()
        [1.0, 1.0]

    Reference:
        Zhang, Ding, Li, Ogunbona: Importance Weighted Adversarial Nets for Partial Domain Adaptation, 2018,
        https://arxiv.org/abs/1803.09210
    """
    return _over_mean(-keras.ops.softplus(logits))


def _over_mean(logs):
    ratios = keras.ops.exp(logs - keras.ops.max(logs))
    return ratios / keras.ops.mean(ratios)
