"""A functional model made anew with fake quantisation wherever an int8 file rounds."""

import math

import keras
import numpy as np

from tlkeras.backbones.graph import nodes_of
from tlkeras.layers.fake_quant import FakeQuant
from tlkeras.layers.fake_quant_kernels import FakeQuantConv2D, FakeQuantDense, FakeQuantDepthwiseConv2D
from tlkeras.surgery import int8_rules as rules
from tlkeras.surgery.folded import folded, scale_and_offset

_FAKE = dict(zip(rules.WEIGHTED, (FakeQuantConv2D, FakeQuantDense, FakeQuantDepthwiseConv2D), strict=True))


class Int8Graph:
    """Goes through a functional model, layer by layer, and makes the one with fake quantisation.

    Args:
        model: Functional `keras.Model` with one input and one output, every layer of which has an 8-bit form.
        input_range: Fixed range of the input, or None.
        per_channel: Whether each channel of a kernel has a step of its own.
        momentum: That of the ranges.
    """

    def __init__(self, model, input_range, *, per_channel, momentum):
        self.model, self.input_range = model, input_range
        self.per_channel, self.momentum = per_channel, momentum
        self.nodes = nodes_of(model)
        self.calls = [node.operation for node in self.nodes]
        self.outputs = {id(tensor) for tensor in model.outputs}
        self.made = {}  # id of a tensor of the model: the new tensor
        self.rounders = {}  # id of a new tensor: the FakeQuant that gave it its range
        self.layers = {}  # name: the new layer

    def build(self) -> keras.Model:
        """Returns the new model with the weights of the old one, its ranges empty where they are not fixed."""
        for node in self.nodes:
            if id(node.output_tensors[0]) not in self.made:
                self.made[id(node.output_tensors[0])] = self._called(node)
        return keras.Model(self.input, self.made[id(self.model.outputs[0])], name=self.model.name)

    def _called(self, node):
        layer, kind = node.operation, type(node.operation)
        if kind is keras.layers.InputLayer:
            tensor = node.output_tensors[0]
            self.input = keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=layer.name)
            return self._rounded(layer, self.input, self.input_range or rules.OWN)
        inputs = [self.made[id(tensor)] for tensor in node.input_tensors]
        if kind in rules.WEIGHTED:
            return self._weighted(node, inputs[0])
        if kind in rules.SCALED:
            return self._scaled(node, inputs[0])
        same = self._named(layer.name, lambda: kind.from_config(layer.get_config()))
        outputs = same(inputs[0] if len(inputs) == 1 else inputs)
        if kind in rules.SUMS and self._fuses(node):
            return outputs
        return self._rounded(layer, outputs, rules.rounding(layer), before=inputs[0])

    def _weighted(self, node, inputs):
        layer, name, norm = node.operation, rules.activation_name(node.operation), self._norm_behind(node)
        apart = name not in (*rules.FUSED, "linear")
        outputs = self._fake(layer, norm, f"{layer.name}_linear" if apart else layer.name, apart)(inputs)
        if norm is not None:
            outputs = keras.layers.Identity(name=norm.operation.name)(outputs)
        if apart:
            outputs = self._rounded(layer, outputs, rules.OWN)
            last = self._named(layer.name, lambda: keras.layers.Activation(layer.activation, name=layer.name))
            outputs = last(outputs)
        if apart or name != "linear" or not self._fuses(norm or node):
            outputs = self._rounded(layer, outputs, rules.rounding(layer))
        if norm is not None:
            self.made[id(norm.output_tensors[0])] = outputs
        return outputs

    def _fake(self, layer, norm, name, apart):
        def make():
            config = {**layer.get_config(), "name": name, "per_channel": self.per_channel}
            config.update({"activation": "linear"} if apart else {})
            config.update({} if norm is None else {"use_bias": True})
            fake = _FAKE[type(layer)].from_config(config)
            fake.build(tuple(next(node for node in self.nodes if node.operation is layer).input_tensors[0].shape))
            fake.set_weights(layer.get_weights() if norm is None else folded(layer, norm.operation))
            return fake

        return self._named(name, make)

    def _scaled(self, node, inputs):
        """A convolution of size 1 in each channel by itself: one operation of an int8 file, a step for each channel."""
        layer, shape = node.operation, tuple(inputs.shape[1:])
        flat = len(shape) != 3

        def make():
            trained = layer.trainable and isinstance(layer, keras.layers.BatchNormalization)
            fake = FakeQuantDepthwiseConv2D(
                1, per_channel=self.per_channel, trainable=trained, dtype=layer.dtype_policy,
                name=f"{layer.name}_scale" if flat else layer.name,
            )  # fmt: skip
            fake.build((None, 1, 1, shape[-1]))
            scale, offset = (np.broadcast_to(part, shape[-1:]) for part in scale_and_offset(layer))
            fake.set_weights([scale.reshape(1, 1, -1, 1), offset])
            return fake

        known = self.rounders[id(inputs)].fixed_range
        how = rules.OWN if known is None else _covering(*scale_and_offset(layer), *known)
        if flat:
            inputs = keras.layers.Reshape((math.prod(shape[:-1]), 1, shape[-1]), name=f"{layer.name}_columns")(inputs)
        outputs = self._named(f"{layer.name}_scale", make)(inputs)
        if not flat:
            return outputs if self._fuses(node) else self._rounded(layer, outputs, how)
        rounded = self._rounded(layer, outputs, how)
        back = self._named(layer.name, lambda: keras.layers.Reshape(shape, name=layer.name))
        return self._rounded(layer, back(rounded), rules.KEEPS, before=rounded)

    def _rounded(self, layer, tensor, how, *, before=None):
        if how in (rules.KEEPS, rules.SHARES):
            rounder = self.rounders[id(before)]
        else:
            name = f"{layer.name}_fake_quant"
            count = sum(taken == name or taken.startswith(f"{name}_") for taken in self.layers)
            name = f"{name}_{count + 1}" if count else name
            rounder = self._named(
                name, lambda: FakeQuant(self.momentum, None if how == rules.OWN else how, dtype="float32", name=name)
            )
        tensor = tensor if how == rules.KEEPS else rounder(tensor)
        self.rounders[id(tensor)] = rounder
        return tensor

    def _named(self, name, make):
        if name not in self.layers:
            self.layers[name] = make()
        return self.layers[name]

    def _readers(self, node):
        tensor = node.output_tensors[0]
        inside = [other for other in self.nodes if any(part is tensor for part in other.input_tensors)]
        return inside if id(tensor) not in self.outputs else []

    def _norm_behind(self, node):
        readers = self._readers(node)
        if len(readers) != 1 or type(readers[0].operation) is not keras.layers.BatchNormalization:
            return None
        once = self.calls.count(node.operation) == 1 == self.calls.count(readers[0].operation)
        return readers[0] if once and rules.activation_name(node.operation) == "linear" else None

    def _fuses(self, node) -> bool:
        """Whether the one that reads this output is a ReLU, which the file computes in the same operation."""
        readers = self._readers(node)
        return (
            len(readers) == 1
            and type(readers[0].operation) in rules.ACTIVATIONS
            and rules.activation_name(readers[0].operation) in rules.FUSED
        )


def _covering(scale, offset, low, high):
    """Returns the range of `scale x + offset`, widened so that one of its 256 values is 0 as it stands.

    From -1 to 1 there are 127.5 steps on each side of 0, and the 256 values of a pixel would all lie half way between
    two values of the file, to be rounded one way here and the other way there.
    """
    ends = np.stack([scale * low + offset, scale * high + offset])
    low, high = min(0.0, float(ends.min())), max(0.0, float(ends.max()))
    zero = math.floor(-low / (high - low) * 255)
    step = max(-low / max(zero, 1), high / max(255 - zero, 1))
    return -zero * step, (255 - zero) * step
