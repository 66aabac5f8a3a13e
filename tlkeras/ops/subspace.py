"""How far the subspaces are apart that two batches of features span."""

import keras

from tlkeras.ops.moments import check_rank_2

DAMPING = 1e-3  # of the sum of the eigenvalues: gaps far below it carry no gradient, which would be their inverse
UNPAIRED = 1e-4  # cosine of a principal angle
SPANNED = 1e-6  # of the largest eigenvalue: below are rounding errors


def damped_eigenvectors(matrix):
    """Eigenvectors of a symmetric matrix, whose gradient stays finite where two eigenvalues meet.

    `dv_j = sum_i v_i f(l_j - l_i) v_i^T dA v_j` with `f(d) = d / (d^2 + e^2)`, where the exact derivative has
    `f(d) = 1 / d`; `e` is 0.001 of the sum of the absolute eigenvalues. No decomposition is differentiated, so that
    every backend gives the same.

    Args:
        matrix: Float tensor `(n, n)`, symmetric.

    Returns:
        `(values (n,), vectors (n, n))`: eigenvalues in ascending order without gradient, eigenvectors as columns.

    Example:
        >>> values, vectors = damped_eigenvectors(keras.ops.diag([3.0, 2.0]))
        >>> keras.ops.convert_to_numpy(values).tolist()
        [2.0, 3.0]
    """
    stopped = keras.ops.stop_gradient(matrix)
    # TensorFlow's decomposition raises on NaN; what is computed from the vectors below is NaN then.
    values, vectors = keras.ops.eigh(keras.ops.where(keras.ops.isfinite(stopped), stopped, 0.0))
    values, vectors = keras.ops.stop_gradient(values), keras.ops.stop_gradient(vectors)
    gaps = values[None, :] - values[:, None]
    damping = keras.ops.square(DAMPING * keras.ops.sum(keras.ops.abs(values))) + keras.config.epsilon() ** 2
    change = keras.ops.matmul(keras.ops.transpose(vectors), keras.ops.matmul(matrix - stopped, vectors))
    return values, vectors + keras.ops.matmul(vectors, gaps / (keras.ops.square(gaps) + damping) * change)


def subspace_distance(source, target, bases):
    """Distance of the subspaces that the strongest directions of two batches span, and whether their order differs.

    With `U` the `bases` leading singular vectors of the features `(features, batch)`, and `U_s^T U_t = P_s cos(theta)
    P_t^T`, the distance is `sum_i sin theta_i`, the sines of the principal angles, and the mismatch of the bases
    `|| |P_s| - |P_t| ||_F^2`. The distance is computed as half the nuclear norm of the difference of the projections,
    `1/2 || U_s U_s^T - U_t U_t^T ||_*`, which is the same and has a bounded gradient where an angle is 0.

    A direction that one batch does not span (fewer rows than `bases`) counts one half.

    Args:
        source: Float tensor `(n, features)`.
        target: Float tensor `(m, features)`.
        bases: Integer in [1, features].

    Returns:
        `(distance, mismatch)`, scalars >= 0, the first at most `bases`. Both are 0 when both batches hold the same
        rows, and unchanged when features are scaled.

    Raises:
        ValueError: If a tensor is not of rank 2.

    Example:
        >>> x, y = keras.ops.eye(3)[:1], keras.ops.eye(3)[1:2]
        >>> [round(float(value), 3) for value in subspace_distance(x, y, 1)]
        [1.0, 0.0]

    Reference:
        Chen, Wang, Wang, Long: Representation Subspace Distance for Domain Adaptation Regression, 2021,
        https://proceedings.mlr.press/v139/chen21u.html
    """
    check_rank_2("source", source)
    check_rank_2("target", target)
    ours, theirs = (_leading_directions(x, bases) for x in _within_joint_span(source, target))
    difference = _projection(ours) - _projection(theirs)
    stopped = keras.ops.stop_gradient(difference)
    values, vectors = keras.ops.eigh(keras.ops.where(keras.ops.isfinite(stopped), stopped, 0.0))
    signs = keras.ops.where(keras.ops.abs(values) > SPANNED, keras.ops.sign(values), 0.0)
    polar = keras.ops.stop_gradient(keras.ops.matmul(vectors * signs, keras.ops.transpose(vectors)))
    return keras.ops.sum(polar * difference) / 2, _mismatch(keras.ops.matmul(keras.ops.transpose(ours), theirs))


def _within_joint_span(source, target):
    """Returns both batches in coordinates of the space that they span together, where that is the smaller one."""
    joint = keras.ops.stop_gradient(keras.ops.concatenate([source, target], axis=0))
    rows, features = joint.shape
    if not isinstance(rows, int) or rows >= features:  # of a symbolic batch JAX cannot say
        return source, target
    basis = keras.ops.stop_gradient(keras.ops.qr(keras.ops.transpose(joint))[0])
    return keras.ops.matmul(source, basis), keras.ops.matmul(target, basis)


def _leading_directions(x, bases):
    x = x / keras.ops.maximum(keras.ops.stop_gradient(keras.ops.norm(x)), keras.config.epsilon())
    values, vectors = damped_eigenvectors(keras.ops.matmul(keras.ops.transpose(x), x))
    spanned = keras.ops.cast(values > SPANNED * values[-1:], x.dtype)
    return (vectors * spanned)[:, -bases:]


def _projection(directions):
    return keras.ops.matmul(directions, keras.ops.transpose(directions))


def _mismatch(cosines):
    transposed = keras.ops.transpose(cosines)
    _, ours = damped_eigenvectors(keras.ops.matmul(cosines, transposed))
    # From ours, and not by another decomposition: where angles are equal, each would choose vectors of its own.
    theirs = keras.ops.matmul(transposed, ours)
    lengths = keras.ops.sqrt(keras.ops.sum(keras.ops.square(theirs), axis=0, keepdims=True) + SPANNED**2)
    # Directions at a right angle to all of the other subspace have no partner there that could be of another order.
    paired = keras.ops.cast(lengths > UNPAIRED, ours.dtype)
    return keras.ops.sum(paired * keras.ops.square(keras.ops.abs(ours) - keras.ops.abs(theirs / lengths)))
