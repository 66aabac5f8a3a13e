"""BatchNormalization and other fixed scalings as the kernel and the bias of a layer."""

import keras
import numpy as np


def scale_and_offset(layer) -> tuple:
    """Returns what a layer multiplies each channel with and then adds, at inference.

    Args:
        layer: A built BatchNormalization, Normalization or Rescaling.

    Returns:
        `(scale, offset)`, float64 arrays: of shape `(channels,)`, or scalars of a Rescaling.

    Example:
        >>> scale, offset = scale_and_offset(keras.layers.Rescaling(1 / 2, offset=-1))
        >>> float(scale), float(offset)
        (0.5, -1.0)
    """
    if isinstance(layer, keras.layers.Rescaling):
        return np.float64(layer.scale), np.float64(layer.offset)
    if isinstance(layer, keras.layers.Normalization):
        mean, variance = (np.float64(keras.ops.convert_to_numpy(part)).ravel() for part in (layer.mean, layer.variance))
        scale = 1 / np.maximum(np.sqrt(variance), keras.config.epsilon())
        return scale, -mean * scale
    values = {variable.name: np.float64(keras.ops.convert_to_numpy(variable)) for variable in layer.weights}
    scale = values.get("gamma", 1.0) / np.sqrt(values["moving_variance"] + layer.epsilon)
    return scale, values.get("beta", 0.0) - values["moving_mean"] * scale


def folded(layer, norm) -> list:
    """Returns the kernel and the bias that do what a layer and the BatchNormalization behind it do at inference.

    Args:
        layer: A built Dense, Conv2D or DepthwiseConv2D without an activation.
        norm: The BatchNormalization, over the channels.

    Returns:
        `[kernel, bias]`, float32 arrays.

    Example:
        >>> dense, norm = keras.layers.Dense(3), keras.layers.BatchNormalization(epsilon=3.0)
        >>> dense.build((None, 2)), norm.build((None, 3))
        (None, None)
        >>> bool(np.allclose(folded(dense, norm)[0], dense.get_weights()[0] / 2))
        True

    Reference:
        Jacob, Kligys, Chen, Zhu, Tang, Howard, Adam, Kalenichenko: Quantization and Training of Neural Networks for
        Efficient Integer-Arithmetic-Only Inference, 2018, section 3.2, https://arxiv.org/abs/1712.05877. There the
        statistics of the batch are folded in every step; here the averages are, once.
    """
    scale, offset = scale_and_offset(norm)
    kernel = np.float64(keras.ops.convert_to_numpy(layer.kernel))
    channels = kernel.shape[2:] if isinstance(layer, keras.layers.DepthwiseConv2D) else kernel.shape[-1:]
    bias = 0.0 if layer.bias is None else np.float64(keras.ops.convert_to_numpy(layer.bias))
    return [np.float32(kernel * scale.reshape(channels)), np.float32(bias * scale + offset)]
