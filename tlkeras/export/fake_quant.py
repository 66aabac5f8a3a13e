"""What the LiteRT converter understands of a model that was trained with fake quantisation."""

import contextlib

import keras
import tensorflow as tf

from tlkeras.layers.fake_quant import FakeQuant, quantized_by
from tlkeras.ops.fake_quant import WEIGHT_STEPS, fake_quant_weights, nudged_range


def has_fake_quant(model: keras.Model) -> bool:
    """Tell whether a model brings the ranges of its activations along."""
    return any(isinstance(layer, FakeQuant) for layer in model._flatten_layers())


@contextlib.contextmanager
def for_converter(model: keras.Model, value_range):
    """Inside the `with` block, `model.export` writes fake quantisation as TensorFlow's own operations.

    The converter makes int8 of these, and only of these. A kernel with a step for every channel is written as rounded:
    the converter finds the same steps in it, and so the same integers.

    Args:
        model: A model with `FakeQuant` layers.
        value_range: As in `to_litert`.

    Raises:
        ValueError: If a layer has no range yet, or the input's is another than (0, 255) where `value_range` says that.
    """
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, FakeQuant)]
    unset = [layer.name for layer in layers if not float(layer.range()[0]) < float(layer.range()[1])]
    if unset:
        raise ValueError(
            "`model` must have a range for all activations: train it, or make it with "
            f"`tlkeras.surgery.quantization_aware`. Received: no range in {unset}"
        )
    whole_bytes = value_range is not None and tuple(value_range) == (0, 255)
    taken = [layer.range() for layer in layers if layer.name == f"{model.inputs[0].name}_fake_quant"]
    if whole_bytes and taken and taken[0] != (0.0, 255.0):
        found = tuple(round(float(end), 4) for end in taken[0])
        raise ValueError(
            "`value_range` must be the one that the model was made quantisation-aware with. "
            f"Received: {tuple(value_range)}, its input has the range {found}"
        )
    with quantized_by(_Operations):
        yield


class _Operations:
    @staticmethod
    def activations(layer, tensor):
        with tf.init_scope():  # numbers, not variables: out of the graph that is being written
            low, high, _ = (float(value) for value in nudged_range(*layer.range()))
        return tf.quantization.fake_quant_with_min_max_vars(tensor, low, high)

    @staticmethod
    def kernel(layer, tensor):
        with tf.init_scope():
            kernel = keras.ops.convert_to_tensor(layer.kernel)
            rounded = keras.ops.convert_to_numpy(
                fake_quant_weights(kernel, layer.shared_axes if layer.per_channel else None)
            )
        constant = tf.constant(rounded, tensor.dtype)
        if layer.per_channel:
            return constant
        largest = float(abs(rounded).max()) or 1.0 / WEIGHT_STEPS
        return tf.quantization.fake_quant_with_min_max_vars(constant, -largest, largest, narrow_range=True)
