"""What an int8 file does with the values of each kind of layer."""

import keras
import numpy as np

KEEPS, SHARES, OWN = "keeps", "shares", "own"

WEIGHTED = (keras.layers.Conv2D, keras.layers.Dense, keras.layers.DepthwiseConv2D)
SCALED = (keras.layers.BatchNormalization, keras.layers.Normalization, keras.layers.Rescaling)
SUMS = (keras.layers.Add, keras.layers.Multiply, keras.layers.Subtract)
ACTIVATIONS = (keras.layers.Activation, keras.layers.LeakyReLU, keras.layers.ReLU, keras.layers.Softmax)
FUSED = ("relu", "relu6")  # one operation with the convolution, product or sum before it
# LiteRT's kernels write these with one scale and no other, 1/256 or 1/128.
_FIXED = {"softmax": (0.0, 255 / 256), "sigmoid": (0.0, 255 / 256), "tanh": (-1.0, 127 / 128)}
_ROUNDING = {
    **dict.fromkeys((*WEIGHTED, *SCALED, *SUMS, keras.layers.Concatenate, keras.layers.GlobalAveragePooling2D), OWN),
    keras.layers.AveragePooling2D: SHARES,
    **dict.fromkeys(
        (
            keras.layers.Cropping2D, keras.layers.Dropout, keras.layers.Flatten, keras.layers.GaussianDropout,
            keras.layers.GaussianNoise, keras.layers.GlobalMaxPooling2D, keras.layers.Identity, keras.layers.InputLayer,
            keras.layers.MaxPooling2D, keras.layers.Permute, keras.layers.Reshape, keras.layers.SpatialDropout2D,
            keras.layers.ZeroPadding2D,
        ),
        KEEPS,
    ),
}  # fmt: skip


def rounding(layer):
    """Returns how the outputs of a layer are rounded.

    Args:
        layer: A layer that has an 8-bit form; of a weighted one, what its activation does.

    Returns:
        `"own"`, to a range of their own; `"keeps"`, not at all, since they are values of the input; `"shares"`, to the
        range of the input; or the fixed range `(low, high)`.

    Example:
        >>> rounding(keras.layers.Flatten()), rounding(keras.layers.Softmax())
        ('keeps', (0.0, 0.99609375))
    """
    name = activation_name(layer)
    if name in _FIXED:
        return _FIXED[name]
    return _ROUNDING.get(type(layer), KEEPS if name == "linear" else OWN)


def activation_name(layer) -> str:
    """Returns the name of what a layer applies to its outputs, such as "relu6"; "linear" where it applies nothing.

    Args:
        layer: Any layer.

    Example:
        >>> activation_name(keras.layers.ReLU(6.0)), activation_name(keras.layers.Dense(2, "tanh"))
        ('relu6', 'tanh')
    """
    if isinstance(layer, keras.layers.ReLU):
        plain = not layer.negative_slope and not layer.threshold
        return {None: "relu", 6.0: "relu6"}.get(layer.max_value, "relu with a bound") if plain else "relu with a slope"
    if isinstance(layer, keras.layers.LeakyReLU):
        return "leaky_relu"
    if isinstance(layer, keras.layers.Softmax):
        return "softmax" if layer.axis == -1 else "softmax of an inner axis"
    function = getattr(layer, "activation", None)
    return "linear" if function is None else getattr(function, "__name__", type(function).__name__)


def why_not(node) -> str | None:
    """Returns why the call of a layer has no 8-bit form here, or None where it has one.

    Args:
        node: One of `tlkeras.backbones.graph.nodes_of(model)`.
    """
    layer, kind = node.operation, type(node.operation)
    if getattr(layer, "data_format", None) == "channels_first":
        return "channels first"
    if kind in (*WEIGHTED, *ACTIVATIONS):
        name = activation_name(layer)
        if name not in (*FUSED, *_FIXED, "leaky_relu", "linear"):
            return f"activation {name}"
        if getattr(layer, "groups", 1) != 1:
            return "groups"
        rank = len(node.input_tensors[0].shape)
        return f"inputs of rank {rank}" if kind is keras.layers.Dense and rank != 2 else None
    if kind in SUMS and len(node.input_tensors) > 2:
        return "more than two inputs"
    if kind in SCALED:
        return None if _is_by_channel(layer) else "one scale a channel, of the last axis, is needed"
    return None if kind in _ROUNDING else "no 8-bit form here"


def _is_by_channel(layer) -> bool:
    if isinstance(layer, keras.layers.Normalization):
        return not layer.invert and all(size == 1 for size in layer.mean.shape[:-1])
    if isinstance(layer, keras.layers.BatchNormalization):
        return layer.axis in (-1, layer.input_spec.ndim - 1)
    return max(np.ndim(layer.scale), np.ndim(layer.offset)) <= 1
