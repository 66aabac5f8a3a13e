"""Singular values of a batch."""

import keras

from tlkeras.ops.moments import check_rank_2


def squared_singular_values(x):
    """Squared singular values of a matrix in ascending order, `sigma^2 = ||u^T X||^2` for a left singular vector `u`.

    The vectors come from the Gram matrix and carry no gradient: that leaves the values and their gradients as they are
    (a singular vector is a stationary point), and it avoids the gradient of a decomposition, which is not finite where
    two singular values meet. Values below 1e-7 of the largest are rounding errors: `nuclear_norm` is for weak ones.

    Args:
        x: Float tensor `(batch, features)`.

    Returns:
        Tensor `(min(batch, features),)`, every entry >= 0. Where the batch size is unknown when the graph is made it
        is `(batch,)`, and starts with zeros when there are more rows than columns.

    Raises:
        ValueError: If `x` is not of rank 2.

    Example:
        >>> keras.ops.convert_to_numpy(squared_singular_values(keras.ops.diag([3.0, 2.0]))).tolist()
        [4.0, 9.0]
    """
    check_rank_2("x", x)
    rows, columns = x.shape
    if isinstance(rows, int) and rows > columns:
        x = keras.ops.transpose(x)  # the same singular values, from the smaller Gram matrix
    stopped = keras.ops.stop_gradient(x)
    # TensorFlow's decomposition raises on NaN; the values below are NaN then, as those of any other function are.
    stopped = keras.ops.where(keras.ops.isfinite(stopped), stopped, 0.0)
    _, vectors = keras.ops.eigh(keras.ops.matmul(stopped, keras.ops.transpose(stopped)))
    return keras.ops.sum(keras.ops.square(keras.ops.matmul(keras.ops.transpose(vectors), x)), axis=1)


def largest_squared_singular_values(x, count=1):
    """Sum of the `count` largest squared singular values, `sum_{i=1}^{count} sigma_i^2`.

    Args:
        x: Float tensor `(batch, features)`.
        count: Integer >= 1; all of them where the matrix has fewer.

    Returns:
        Scalar >= 0.

    Raises:
        ValueError: If `x` is not of rank 2.

    Example:
        >>> float(largest_squared_singular_values(keras.ops.diag([3.0, 2.0])))
        9.0

    Reference:
        Chen, Wang, Long, Wang: Transferability vs. Discriminability: Batch Spectral Penalization for Adversarial
        Domain Adaptation, 2019, https://proceedings.mlr.press/v97/chen19i.html
    """
    return keras.ops.sum(squared_singular_values(x)[-count:])


def nuclear_norm(x):
    """Sum of the singular values of a matrix, `||X||_* = sum_i sigma_i`; its gradient is `U V^T`.

    Args:
        x: Float tensor `(batch, features)`.

    Returns:
        Scalar >= 0.

    Raises:
        ValueError: If `x` is not of rank 2.

    Example:
        >>> round(float(nuclear_norm(keras.ops.diag([3.0, 2.0]))), 4)
        5.0

    Reference:
        Cui, Wang, Zhuo, Li, Huang, Tian: Towards Discriminability and Diversity: Batch Nuclear-norm Maximization under
        Label Insufficient Situations, 2020, https://arxiv.org/abs/2003.12237
    """
    check_rank_2("x", x)
    finite = keras.ops.all(keras.ops.isfinite(x))  # torch's decomposition raises on NaN
    values = keras.ops.svd(keras.ops.where(finite, x, 0.0), full_matrices=False, compute_uv=False)
    return keras.ops.where(finite, keras.ops.sum(values), float("nan"))
