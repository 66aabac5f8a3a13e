"""Penalties on the norms of a batch of features."""

import keras

from tlkeras.ops.moments import check_rank_2


def row_norms(x):
    """Euclidean norm of each row; the gradient is 0, not NaN, where a row is 0.

    Args:
        x: Float tensor `(batch, features)`.

    Returns:
        Tensor `(batch,)`, every entry >= 0.0003, the square root of Keras' epsilon.

    Raises:
        ValueError: If `x` is not of rank 2.

    Example:
        >>> keras.ops.convert_to_numpy(row_norms(keras.ops.convert_to_tensor([[3.0, 4.0]]))).tolist()
        [5.0]
    """
    check_rank_2("x", x)
    return keras.ops.sqrt(keras.ops.maximum(keras.ops.sum(keras.ops.square(x), axis=1), keras.config.epsilon()))


def norm_step(x, step=1.0):
    """Asks each row to be longer by `step` than it is, `mean_i (||x_i|| - sg(||x_i||) - step)^2` with stopped `sg`.

    Its value is always `step^2`; what counts is the gradient, `-2 step / batch` on each norm.

    Args:
        x: Float tensor `(batch, features)`.
        step: Number > 0.

    Returns:
        Scalar, `step^2`.

    Raises:
        ValueError: If `x` is not of rank 2.

    Example:
        >>> float(norm_step(keras.ops.eye(2), step=0.5))
        0.25

    Reference:
        Xu, Li, Yang, Lin: Larger Norm More Transferable: An Adaptive Feature Norm Approach for Unsupervised Domain
        Adaptation, 2019, https://arxiv.org/abs/1811.07456
    """
    norms = row_norms(x)
    return keras.ops.mean(keras.ops.square(norms - keras.ops.stop_gradient(norms) - step))


def norm_gap(x, radius=25.0):
    """Squared distance of the mean norm of the rows from a radius, `(mean_i ||x_i|| - radius)^2`.

    Args:
        x: Float tensor `(batch, features)`.
        radius: Number > 0.

    Returns:
        Scalar >= 0; 0 when the mean norm is the radius.

    Raises:
        ValueError: If `x` is not of rank 2.

    Example:
        >>> float(norm_gap(keras.ops.eye(2), radius=3.0))
        4.0

    Reference:
        Xu, Li, Yang, Lin: Larger Norm More Transferable: An Adaptive Feature Norm Approach for Unsupervised Domain
        Adaptation, 2019, https://arxiv.org/abs/1811.07456
    """
    return keras.ops.square(keras.ops.mean(row_norms(x)) - radius)
