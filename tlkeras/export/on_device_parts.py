"""Which weights of a model a device can train without TensorFlow: those of its head and of the last block before it."""

import dataclasses
from typing import Any

import keras

from tlkeras.backbones.graph import nodes_of
from tlkeras.export.on_device_slopes import has_slope, passes
from tlkeras.export.samples import single_input

TRAINABLE = ("head", "last_block")
CONVOLUTIONS = (
    keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv1D, keras.layers.SeparableConv2D,
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Parts:
    """The part of a model that trains.

    Attributes:
        head: The Dense layer of the logits.
        block: The call of the layer whose scale and bias train as well, or None.
        between: The calls from the block to the head, in order; empty without a block.
        features: The symbolic input of the head.
        weights: `{name: variable}` of what trains: `kernel`, `bias`, `block_scale`, `block_bias`, those that exist.
    """

    head: keras.layers.Dense
    block: Any
    between: list
    features: Any
    weights: dict


def parts_of(model: keras.Model, trainable: str) -> Parts:
    """Find the head of a model, and with `trainable="last_block"` the block before it.

    Args:
        model: Functional or built Sequential model with one input and one output.
        trainable: "head" or "last_block".

    Raises:
        ValueError: If `trainable` is unknown; the model has several inputs, or one of text or of open shape; it does
            not end in a Dense layer of logits on one vector a sample; or on the way from there back to a
            normalisation, convolution or Dense layer there is a layer whose derivative is not known here.
    """
    if trainable not in TRAINABLE:
        raise ValueError(f"`trainable` must be one of {TRAINABLE}. Received: {trainable!r}")
    single_input(model)
    makers = {id(tensor): node for node in nodes_of(model) for tensor in node.output_tensors}
    node = makers[id(model.outputs[0])]
    softmax = _is_softmax(node.operation)
    if softmax:
        node = makers[id(node.input_tensors[0])]
    head = node.operation
    _check_head(head, node, softmax, model)
    features = node.input_tensors[0]
    block, between = _block(model, features, makers) if trainable == "last_block" else (None, [])
    weights = {"kernel": head.kernel, "bias": head.bias if head.use_bias else None}
    if block is not None:
        layer = block.operation
        normalizes = isinstance(layer, keras.layers.BatchNormalization)
        weights["block_scale"] = layer.gamma if normalizes else None
        weights["block_bias"] = layer.beta if normalizes else layer.bias
    weights = {name: weight for name, weight in weights.items() if weight is not None}
    return Parts(head, block, between, features, weights)


def _is_softmax(layer) -> bool:
    activation = getattr(layer, "activation", None)
    return isinstance(layer, keras.layers.Softmax) or (
        isinstance(layer, keras.layers.Activation) and activation is keras.activations.softmax
    )


def _check_head(head, node, softmax: bool, model) -> None:
    known = (keras.activations.linear,) if softmax else (keras.activations.linear, keras.activations.softmax)
    fits = type(head) is keras.layers.Dense and not head.lora_enabled and head.quantization_mode is None
    if not fits or head.activation not in known or head.units < 2 or len(node.input_tensors[0].shape) != 2:
        activation = f" with activation {head.activation.__name__!r}" if type(head) is keras.layers.Dense else ""
        raise ValueError(
            "`model` must end in a Dense layer of at least two logits (linear or softmax) on one vector a sample; a "
            "nested model is not looked into. "
            f"Received: {model.name!r}, which ends in {type(head).__name__} {head.name!r}{activation}, output shape "
            f"{tuple(model.outputs[0].shape)}"
        )
    if head.compute_dtype != "float32":
        raise ValueError(f"`model` must compute its logits in float32 to train them. Received: {head.compute_dtype}")


def _block(model, features, makers) -> tuple:
    """Walk back from the head to the first layer with a scale or a bias."""
    readers: dict[int, int] = {}
    for node in nodes_of(model):
        for tensor in node.input_tensors:
            readers[id(tensor)] = readers.get(id(tensor), 0) + 1
    tensor, between = features, []
    while True:
        node = makers[id(tensor)]
        layer = node.operation
        if readers[id(tensor)] == 1 and _ends(layer, len(tensor.shape)):
            return node, between[::-1]
        if readers[id(tensor)] > 1 or not passes(layer):
            raise ValueError(
                '`trainable="last_block"` needs a way from the head back to a BatchNormalization, convolution or Dense '
                "layer with a scale or bias, in float32 and channels last, through pooling by the mean, Flatten, "
                'Dropout and plain activations alone. Use trainable="head". '
                f"Received: {type(layer).__name__} {layer.name!r}"
            )
        between.append(node)
        tensor = node.input_tensors[0]


def _ends(layer, rank: int) -> bool:
    if getattr(layer, "compute_dtype", None) != "float32":
        return False
    if isinstance(layer, keras.layers.BatchNormalization):
        return (layer.gamma is not None or layer.beta is not None) and layer.axis in (-1, rank - 1)
    if isinstance(layer, CONVOLUTIONS) and layer.data_format != "channels_last":
        return False
    return isinstance(layer, (*CONVOLUTIONS, keras.layers.Dense)) and layer.use_bias and has_slope(layer.activation)
