"""Functions whose gradient is not the gradient of their value."""

import keras


def reverse_gradient(x, strength=1.0):
    """Returns `x` unchanged; its gradient is multiplied by `-strength`.

    Computed as `sg(x) - strength * (x - sg(x))` with `sg` = stop gradient: the bracket is exactly zero, so the
    forward value is exactly `x` in every dtype, on every backend, without a custom gradient.

    Args:
        x: Float tensor of any shape.
        strength: Scalar >= 0, a number, tensor or variable.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:
        >>> tuple(reverse_gradient(keras.ops.ones((2, 3)), strength=0.5).shape)
        (2, 3)

    Reference:
        Ganin, Lempitsky: Unsupervised Domain Adaptation by Backpropagation, 2015, https://arxiv.org/abs/1409.7495
    """
    stopped = keras.ops.stop_gradient(x)
    return stopped - keras.ops.cast(strength, x.dtype) * (x - stopped)
