"""Small changes of an input, and the one that a prediction fears most."""

import keras

from tlkeras.ops.gradient import input_gradient


def unit_rows(x):
    """Each row divided by its length, `x_i / ||x_i||`; a row of zeros stays one.

    Args:
        x: Float tensor `(batch, ...)`.

    Returns:
        Tensor of the shape of `x`.

    Example:
        >>> float(unit_rows(keras.ops.full((1, 2, 2), 3.0))[0, 0, 0])
        0.5
    """
    axes, tiny = tuple(range(1, len(x.shape))), 1e-30
    scaled = x / keras.ops.maximum(keras.ops.max(keras.ops.abs(x), axis=axes, keepdims=True), tiny)
    squares = keras.ops.sum(keras.ops.square(scaled), axis=axes, keepdims=True)  # 1 or more, or 0
    return scaled / keras.ops.sqrt(keras.ops.maximum(squares, tiny))


def random_rows(x, seed):
    """Directions drawn uniformly from the unit sphere, one for each row of `x`.

    They start from random integers, which eager TensorFlow and XLA draw alike.

    Args:
        x: Float tensor `(batch, ...)`, of which only the shape counts.
        seed: Integer or `keras.random.SeedGenerator`.

    Returns:
        Float32 tensor of the shape of `x`, every row of length 1.

    Example:
        >>> tuple(random_rows(keras.ops.ones((2, 3)), seed=0).shape)
        (2, 3)
    """
    places = keras.random.randint(keras.ops.shape(x), 1, 2**24, dtype="int32", seed=seed)
    return unit_rows(keras.ops.erfinv(keras.ops.cast(places, "float32") / 2**23 - 1.0))


def adversarial_direction(divergence, start):
    """Direction in which a divergence of each row grows fastest, by one step of the power method.

    The divergence is 0 at no change, and so is its gradient: at a small step `start` the gradient is the second
    derivative times that step, and turns towards the direction of the largest curvature.

    Args:
        divergence: Function from a change `(batch, ...)` to a scalar to which each row adds its own part.
        start: Tensor `(batch, ...)`, a small change.

    Returns:
        Tensor of the shape of `start`, rows of length 1, or 0 where the divergence does not depend on the row. It
        carries no gradient.

    Example:
        >>> rows = adversarial_direction(lambda r: keras.ops.sum(r * r * [1.0, 9.0]), keras.ops.ones((1, 2)))
        >>> keras.ops.convert_to_numpy(rows).round(2)  # the direction of [1, 9]
        array([[0.11, 0.99]], dtype=float32)

    Reference:
        Miyato, Maeda, Koyama, Ishii: Virtual Adversarial Training: A Regularization Method for Supervised and
        Semi-Supervised Learning, 2018, https://arxiv.org/abs/1704.03976
    """
    return keras.ops.stop_gradient(unit_rows(input_gradient(divergence, start)))
