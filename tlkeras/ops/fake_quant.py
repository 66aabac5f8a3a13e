"""Rounding to 8 bits and back, with a gradient that passes through the rounding."""

import keras

STEPS = 255  # between the smallest and the largest of 256 activations
WEIGHT_STEPS = 127  # on each side of 0
MIDDLE = 128  # what is stored as 0 in int8
TIE = 2.0**-10  # of a step: nearer than this to half way between two values is half way, float rounding aside
TINY = 1e-12  # keeps the step of an all-zero tensor above 0


def nudged_range(low, high):
    """Returns the range that 8 bits represent: it holds 0, and 0 is one of its 256 values.

    Args:
        low: Smallest value, a scalar.
        high: Largest value, a scalar >= `low`.

    Returns:
        `(low, high, step)`, float32 scalars with `low <= 0 <= high` and `low + 255 step = high`.

    Example:
        >>> [round(float(value), 3) for value in nudged_range(1.0, 5.1)]
        [0.0, 5.1, 0.02]
    """
    low = keras.ops.minimum(keras.ops.cast(low, "float32"), 0.0)
    high = keras.ops.maximum(keras.ops.cast(high, "float32"), 0.0)
    step = keras.ops.maximum(high - low, TINY) / STEPS
    zero = keras.ops.round(-low / step)
    return -zero * step, (STEPS - zero) * step, step


def fake_quant(x, low, high):
    """Rounds to the 256 values between `low` and `high`, as an int8 tensor holds them.

    `low + step round((clip(x, low, high) - low) / step)` after `nudged_range`. What lies half way, as averages often
    do, goes away from the middle of the range, as in LiteRT's kernels. The gradient is 1 inside the range and 0
    outside, as if nothing were rounded; the range has none.

    Args:
        x: Float tensor of any shape.
        low: Smallest value, a scalar.
        high: Largest value, a scalar >= `low`.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:
        >>> [round(float(value), 3) for value in fake_quant(np.array([-1.0, 0.004, 0.013, 9.0], "float32"), 0.0, 2.55)]
        [0.0, 0.0, 0.01, 2.55]

    Reference:
        Jacob, Kligys, Chen, Zhu, Tang, Howard, Adam, Kalenichenko: Quantization and Training of Neural Networks for
        Efficient Integer-Arithmetic-Only Inference, 2018, https://arxiv.org/abs/1712.05877
    """
    low, high, step = (keras.ops.stop_gradient(value) for value in nudged_range(low, high))
    clipped = keras.ops.clip(keras.ops.cast(x, "float32"), low, high)
    integers = (clipped - low) / step - MIDDLE
    integers = keras.ops.sign(integers) * keras.ops.floor(keras.ops.abs(integers) + (0.5 + TIE))
    return keras.ops.cast(_straight_through(clipped, low + step * (integers + MIDDLE)), x.dtype)


def fake_quant_weights(weights, axes=None):
    """Rounds to 255 values from `-max |w|` to `max |w|`, as int8 weights are held; the gradient is that of `weights`.

    Args:
        weights: Float tensor.
        axes: Axes over which one step is shared, or None for all: one step a tensor.

    Returns:
        Tensor of the shape and dtype of `weights`.

    Example:
        >>> [round(float(value), 3) for value in fake_quant_weights(np.array([1.27, 0.004, -0.013], "float32"))]
        [1.27, 0.0, -0.01]

    Reference:
        As `fake_quant`.
    """
    exact = keras.ops.cast(weights, "float32")
    largest = keras.ops.max(keras.ops.abs(exact), axis=axes, keepdims=True)
    step = keras.ops.maximum(keras.ops.stop_gradient(largest), TINY) / WEIGHT_STEPS
    return keras.ops.cast(_straight_through(exact, step * keras.ops.round(exact / step)), weights.dtype)


def _straight_through(exact, rounded):
    # The bracket is exactly zero, so that the value is `rounded` to the last bit.
    return keras.ops.stop_gradient(rounded) + (exact - keras.ops.stop_gradient(exact))
