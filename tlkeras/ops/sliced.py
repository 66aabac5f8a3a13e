"""Optimal transport along directions, where sorting solves it."""

import keras

from tlkeras.ops.moments import check_rank_2


def sliced_wasserstein(source, target, directions):
    """Mean over directions of the squared 2-Wasserstein distance of the projected batches.

    In one dimension the best plan joins equal quantiles: `integral (F_s^-1(q) - F_t^-1(q))^2 dq`, here exact for
    batches of any two sizes (both quantile functions are constant between the multiples of `1 / n` and of `1 / m`).

    Args:
        source: Float tensor `(n, features)`.
        target: Float tensor `(m, features)`; `n * m` below 2^31.
        directions: Tensor `(features, count)`, columns of length 1.

    Returns:
        Scalar >= 0; 0 when both batches hold the same rows.

    Raises:
        ValueError: If `source` or `target` is not of rank 2.

    Example:
        >>> column = keras.ops.convert_to_tensor([[0.0], [1.0]])
        >>> float(sliced_wasserstein(column, column + 2.0, keras.ops.ones((1, 1))))
        4.0

    Reference:
        Rabin, Peyre, Delon, Bernot: Wasserstein Barycenter and its Application to Texture Mixing, 2011,
        https://doi.org/10.1007/978-3-642-24785-9_37
    """
    check_rank_2("source", source)
    check_rank_2("target", target)
    source, target = (keras.ops.sort(keras.ops.matmul(x, directions), axis=0) for x in (source, target))
    # Quantiles in units of 1 / nm are integers: no rounding decides which row a quantile belongs to.
    places, others = (keras.ops.cumsum(keras.ops.cast(keras.ops.ones_like(x[:, 0]), "int32")) for x in (source, target))
    n, m = places[-1], others[-1]
    ends = keras.ops.sort(keras.ops.concatenate([places * m, others * n]))
    starts = keras.ops.concatenate([keras.ops.zeros_like(ends[:1]), ends[:-1]])
    share = keras.ops.cast(ends - starts, source.dtype) / keras.ops.cast(n * m, source.dtype)
    gaps = keras.ops.take(source, (ends - 1) // m, axis=0) - keras.ops.take(target, (ends - 1) // n, axis=0)
    return keras.ops.mean(keras.ops.sum(share[:, None] * keras.ops.square(gaps), axis=0))


def random_directions(features, count, seed):
    """Directions drawn uniformly from the unit sphere.

    They start from random integers: XLA draws other floats than eager TensorFlow does from one seed, but the same
    integers.

    Args:
        features: Dimension of the space.
        count: Number of directions.
        seed: Integer or `keras.random.SeedGenerator`.

    Returns:
        Float32 tensor `(features, count)`, columns of length 1.

    Example:
        >>> tuple(random_directions(3, 10, seed=0).shape)
        (3, 10)
    """
    places = keras.ops.cast(keras.random.randint((features, count), 1, 2**24, dtype="int32", seed=seed), "float32")
    return keras.ops.normalize(keras.ops.erfinv(places / 2**23 - 1.0), axis=0)
