"""Moments of a batch of features."""

import keras


def check_rank_2(name, x):
    """Raises unless `x` is `(batch, features)`.

    Args:
        name: What to call it in the error.
        x: Tensor or shape-bearing object.

    Raises:
        ValueError: If `x` has another rank.

    Example:
        >>> check_rank_2("x", keras.ops.ones((2, 3)))
    """
    if len(x.shape) != 2:
        raise ValueError(
            f"`{name}` must have rank 2, (batch, features): pool or flatten it, or tap a later layer; "
            "a method reads a map position by position in `tlkeras.methods.PerPosition`. "
            f"Received: shape={tuple(x.shape)}"
        )


def covariance(x):
    """Unbiased covariance matrix `(x - mean)^T (x - mean) / (batch - 1)`.

    Args:
        x: Float tensor `(batch, features)` with at least two rows.

    Returns:
        Tensor `(features, features)`.

    Raises:
        ValueError: If `x` is not of rank 2, or its static batch size is 1.

    Example:
        >>> tuple(covariance(keras.ops.convert_to_tensor([[0.0], [2.0]])).shape)
        (1, 1)
    """
    check_rank_2("x", x)
    if x.shape[0] == 1:
        raise ValueError("`x` must have at least 2 rows: one row has no covariance. Received: 1 row")
    count = keras.ops.cast(keras.ops.shape(x)[0], x.dtype)
    centred = x - keras.ops.mean(x, axis=0, keepdims=True)
    return keras.ops.matmul(keras.ops.transpose(centred), centred) / (count - 1.0)
