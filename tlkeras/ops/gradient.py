"""Gradients inside a loss: one that is reversed, and one that is a value. The one file that asks for the backend."""

import keras

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
elif keras.backend.backend() == "jax":
    import jax
elif keras.backend.backend() == "torch":
    import torch


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


def input_gradient(function, x):
    """Gradient of the sum of `function(x)` with respect to `x`, which itself has a gradient.

    Where `function` treats rows one by one, row `i` is the gradient of the output for row `i`.

    Args:
        function: Function from one tensor to one tensor.
        x: Float tensor.

    Returns:
        Tensor of the shape of `x`.

    Raises:
        NotImplementedError: If the backend is none of TensorFlow, JAX and torch.

    Example:
        >>> float(input_gradient(keras.ops.square, keras.ops.convert_to_tensor(3.0)))
        6.0
    """
    x = keras.ops.convert_to_tensor(x)
    backend = keras.backend.backend()
    if backend == "tensorflow":
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = keras.ops.sum(function(x))
        return tape.gradient(total, x)
    if backend == "jax":
        return jax.grad(lambda rows: keras.ops.sum(function(rows)))(x)
    if backend == "torch":
        with torch.enable_grad():  # evaluation switches it off
            x = x if x.requires_grad else x.detach().requires_grad_()
            return torch.autograd.grad(keras.ops.sum(function(x)), x, create_graph=True)[0]
    raise NotImplementedError(f"`input_gradient` runs on TensorFlow, JAX and torch. Received: backend {backend!r}")


def gradient_penalty(function, x):
    """How far the slope of a scalar function is from 1, `mean_i (||d f(x_i) / d x_i|| - 1)^2`.

    Args:
        function: Function from `(batch, features)` to `(batch, 1)`, each row by itself.
        x: Float tensor `(batch, features)`.

    Returns:
        Scalar >= 0; 0 where every slope is 1. Where the slope is 0 its gradient is taken to be 0.

    Example:
        >>> float(gradient_penalty(lambda x: 3.0 * keras.ops.sum(x, axis=1, keepdims=True), keras.ops.ones((5, 1))))
        4.0

    Reference:
        Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville: Improved Training of Wasserstein GANs, 2017,
        https://arxiv.org/abs/1704.00028
    """
    squares = keras.ops.sum(keras.ops.square(input_gradient(function, x)), axis=-1)
    tiny = 1e-12  # the square root has no slope at 0
    return keras.ops.mean(keras.ops.square(keras.ops.sqrt(keras.ops.maximum(squares, tiny)) - 1.0))
