"""How a gradient goes back through the layers between the last block and the head, in LiteRT's builtin operators.

`tf.GradientTape` is not used: it writes operators such as Relu6Grad and BroadcastGradientArgs, which LiteRT lacks.
"""

import keras
import tensorflow as tf

IDLE = (
    keras.layers.Identity, keras.layers.Dropout, keras.layers.SpatialDropout1D, keras.layers.SpatialDropout2D,
    keras.layers.AlphaDropout, keras.layers.GaussianDropout, keras.layers.GaussianNoise,
)  # fmt: skip
SHAPES = (keras.layers.Flatten, keras.layers.Reshape)
MEANS = (keras.layers.GlobalAveragePooling1D, keras.layers.GlobalAveragePooling2D)
FROM_OUTPUT = {
    "linear": tf.ones_like,
    "relu": lambda y: _one_where(y > 0),
    "relu6": lambda y: _one_where((y > 0) & (y < 6)),
    "sigmoid": lambda y: y * (1 - y),
    "tanh": lambda y: 1 - tf.square(y),
}  # derivatives of activations, by their output
FROM_INPUT = {
    "silu": lambda x: tf.sigmoid(x) * (1 + x * (1 - tf.sigmoid(x))),
    "hard_silu": lambda x: _one_where((x > -3) & (x < 3)) * (2 * x + 3) / 6 + _one_where(x >= 3),
}  # and those that their output does not tell


def has_slope(activation) -> bool:
    """Tell whether the derivative of an activation inside a layer is known from the layer's output."""
    return getattr(activation, "__name__", None) in FROM_OUTPUT


def passes(layer) -> bool:
    """Tell whether `back` knows a layer."""
    if isinstance(layer, MEANS):
        return layer.data_format == "channels_last"
    if isinstance(layer, keras.layers.ReLU):
        return layer.threshold == 0
    if isinstance(layer, keras.layers.Activation):
        return has_slope(layer.activation) or layer.activation.__name__ in FROM_INPUT
    return isinstance(layer, (*IDLE, *SHAPES))


def back(layer, x, y, gradient):
    """Return the gradient by the input of a layer that `passes`, in Keras' inference mode.

    Args:
        layer: The layer.
        x: Its input.
        y: Its output.
        gradient: That by its output.
    """
    if isinstance(layer, SHAPES):
        return tf.reshape(gradient, tf.shape(x))
    if isinstance(layer, MEANS):
        places = tf.reshape(gradient, [-1, *[1] * (len(x.shape) - 2), x.shape[-1]])
        return places / float(x.shape[1:-1].num_elements()) + tf.zeros_like(x)
    if isinstance(layer, keras.layers.ReLU):
        below = _one_where(y < layer.max_value) if layer.max_value is not None else 1.0
        return gradient * (_one_where(x > 0) * below + layer.negative_slope * _one_where(x <= 0))
    if isinstance(layer, keras.layers.Activation):
        name = layer.activation.__name__
        return gradient * (FROM_OUTPUT[name](y) if name in FROM_OUTPUT else FROM_INPUT[name](x))
    return gradient


def of_scale_and_bias(layer, x, y, gradient) -> tuple:
    """Return the gradients by the scale and the bias of a block.

    Args:
        layer: BatchNormalization, whose averages are frozen, or a layer with a bias and an activation.
        x: Its input.
        y: Its output.
        gradient: That by its output.

    Returns:
        `(scale, bias)`, each `(channels,)`; the scale of a layer with an activation is None.
    """
    axes = list(range(len(y.shape) - 1))
    if not isinstance(layer, keras.layers.BatchNormalization):
        return None, tf.reduce_sum(gradient * FROM_OUTPUT[layer.activation.__name__](y), axes)
    mean, variance = layer.moving_mean.value, layer.moving_variance.value
    normal = (x - mean) * tf.math.rsqrt(variance + layer.epsilon)
    return tf.reduce_sum(gradient * normal, axes), tf.reduce_sum(gradient, axes)


def _one_where(condition):
    return tf.cast(condition, "float32")
