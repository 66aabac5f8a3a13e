"""Losses of critics that tell domains apart."""

import keras


def domain_cross_entropy(source, target, weights=1.0):
    """Binary cross entropy of a critic over the rows of both views, source = 1.

    `mean w softplus(-z) over source, w softplus(z) over target`.

    Args:
        source: Logits of the source rows, `(n,)`.
        target: Logits of the target rows, `(m,)`.
        weights: Factors `(n + m,)`, source rows first, or 1.

    Returns:
        Scalar >= 0; log 2 = 0.693 for logits of 0 and weights of mean 1.

    Example:
        >>> round(float(domain_cross_entropy(keras.ops.zeros(2), keras.ops.zeros(3))), 3)
        0.693

    Reference:
        Ganin et al.: Domain-Adversarial Training of Neural Networks, 2016, https://arxiv.org/abs/1505.07818
    """
    return keras.ops.mean(weights * keras.ops.softplus(keras.ops.concatenate([-source, target])))


def soft_minimum(values, sharpness=10.0):
    """Smooth minimum of a few numbers, `-1 / sharpness log mean_i exp(-sharpness v_i)`.

    Its gradient is a softmax: the smaller a number, the larger its share.

    Args:
        values: Tensor `(count,)`.
        sharpness: Number > 0; near 0 gives the mean, a large one the minimum.

    Returns:
        Scalar between the minimum and the mean.

    Example:
        >>> round(float(soft_minimum(keras.ops.convert_to_tensor([1.0, 1.0]))), 3)
        1.0
    """
    count = keras.ops.log(keras.ops.cast(keras.ops.shape(values)[0], values.dtype))
    return (count - keras.ops.logsumexp(-sharpness * values)) / sharpness
