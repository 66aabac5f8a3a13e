"""Penalties on weights and features that keep fine-tuning near its start or its spectrum small."""

import keras

from tlkeras.ops.moments import check_rank_2
from tlkeras.ops.spectral import squared_singular_values


def half_squared_norm(tensors):
    """Half the sum of all squared entries, `1/2 sum_i ||t_i||^2`.

    Args:
        tensors: Sequence of float tensors of any shape; empty for 0.

    Returns:
        Scalar >= 0, float32.

    Example:
        >>> float(half_squared_norm([keras.ops.ones((2, 3)), keras.ops.ones((2,))]))
        4.0
    """
    return 0.5 * sum((keras.ops.sum(keras.ops.square(tensor)) for tensor in tensors), start=keras.ops.zeros(()))


def batch_spectral_shrinkage(features, count=1):
    """Sum of the `count` smallest squared singular values of a batch, `sum_i sigma_{-i}^2`.

    Args:
        features: Float tensor `(batch, features)`.
        count: How many of the `min(batch, features)` singular values, from the smallest; an integer >= 1.

    Returns:
        Scalar >= 0.

    Raises:
        ValueError: If `features` is not of rank 2, or has fewer than `count` columns.

    Example:
        >>> float(batch_spectral_shrinkage(keras.ops.convert_to_tensor([[3.0, 0.0], [0.0, 2.0]])))
        4.0

    Reference:
        Chen, Wang, Fu, Long, Wang: Catastrophic Forgetting Meets Negative Transfer: Batch Spectral Shrinkage for Safe
        Transfer Learning, 2019, https://papers.nips.cc/paper/8466
    """
    check_rank_2("features", features)
    if features.shape[1] < count:
        raise ValueError(
            f"`features` must have at least `count` columns. Received: shape={tuple(features.shape)}, count={count}"
        )
    squares = squared_singular_values(features)
    ones = keras.ops.ones_like(squares)  # the number of rows may be unknown when the graph is made
    surplus = keras.ops.maximum(keras.ops.sum(ones) - features.shape[1], 0.0)  # values that are 0 by shape alone
    place = keras.ops.cumsum(ones) - surplus
    chosen = keras.ops.logical_and(place > 0.5, place < count + 0.5)
    return keras.ops.sum(keras.ops.where(chosen, squares, 0.0))


def attended_distance(maps, start, attention):
    """Distance of two batches of feature maps, channels weighted by attention.

    `1/2 mean_rows mean_positions sum_c C a_c (m_c - s_c)^2` with `C` channels; uniform attention `a_c = 1 / C` leaves
    the plain sum over the channels.

    Args:
        maps: Float tensor `(batch, ..., channels)`.
        start: Tensor of the same shape.
        attention: Tensor `(channels,)`, >= 0, sums to 1.

    Returns:
        Scalar >= 0; 0 when the maps agree.

    Example:
        >>> float(attended_distance(keras.ops.ones((5, 2)), keras.ops.zeros((5, 2)), keras.ops.ones((2,)) / 2))
        1.0

    Reference:
        Li, Xiong, Wang, Rao, Liu, Huan: DELTA: Deep Learning Transfer using Feature Map with Attention for
        Convolutional Networks, 2019, https://arxiv.org/abs/1901.09229
    """
    channels = maps.shape[-1]
    axes = tuple(range(len(maps.shape) - 1))
    return 0.5 * channels * keras.ops.sum(attention * keras.ops.mean(keras.ops.square(maps - start), axis=axes))
