"""A LiteRT file that learns on the device: `train`, `infer`, `get_weights` and `set_weights` in builtin operators."""

import os
import tempfile

import keras
import numpy as np
import tensorflow as tf

from tlkeras.export.atomic import replacing_file
from tlkeras.export.litert import naming_operations
from tlkeras.export.on_device_check import check_on_device
from tlkeras.export.on_device_parts import Parts, parts_of
from tlkeras.export.on_device_slopes import back, of_scale_and_bias
from tlkeras.export.quiet import quiet_stderr
from tlkeras.export.reference import Reference, reference
from tlkeras.export.savedmodel import inference_model

SIGNATURES = ("train", "infer", "get_weights", "set_weights")


def to_trainable_litert(
    model, path: str | os.PathLike, *, samples, trainable: str = "head", value_range=(0, 255)
) -> dict:
    """Write a float32 LiteRT file whose last layers can be trained where it runs, and verify it.

    It has four signatures; `n`, the batch, is free:

    - `train(x, y, learning_rate) -> loss`: one step of plain gradient descent on the mean cross-entropy,
      `w - learning_rate * dloss/dw`. x `(n, *input_shape)`, y int32 `(n,)` in 0..classes - 1, learning_rate a float32
      scalar. The loss is that before the step. Nothing can raise inside a file: a batch with a label out of range or
      a loss that is not finite changes no weight and returns NaN.
    - `infer(x) -> output`: what the model returns, `(n, classes)`.
    - `get_weights()` returns the weights that train, `kernel`, `bias`, and with "last_block" `block_scale`,
      `block_bias`, those that the layers have. They live in the interpreter: keep them before it is closed.
    - `set_weights(kernel, bias, ...) -> set` puts them back. Plain gradient descent has no other state.

    Everything else is frozen and in Keras' inference mode: no dropout, the averages of BatchNormalization stay, and
    penalties on weights are left out.

    Before the file gets its name it is run: `infer` must give the model's answers, one step of `train` must change
    the weights as Keras' own gradient does, and `set_weights` must restore them.

    Args:
        model: A `keras.Model` or a `TransferModel`, with one input and one output, that ends in a Dense layer of
            logits, with softmax or without. It is not changed.
        path: The file to write.
        samples: Array `(n, *input_shape)` to verify on.
        trainable: "head" for the Dense layer, or "last_block" for also the scale and bias of the last
            BatchNormalization before it, or the bias of the last convolution or Dense layer.
        value_range: As in `to_litert`.

    Returns:
        A dict: `path`, `bytes`, what `Reference.check` returns of `infer`, `trained_weights` (how many numbers train).

    Raises:
        ValueError: If the model, the samples or `trainable` do not fit.
        ConversionError: If an operation has no LiteRT builtin.
        ExportMismatch: If the file does not do what Keras does.

    Example:
        >>> model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(3)])
        >>> rng = np.random.default_rng(0)
        >>> x, y = rng.normal(size=(90, 6)).astype("float32"), np.arange(90, dtype="int32") % 3
        >>> x += 4 * np.eye(3, 6, dtype="float32")[y]
        >>> facts = to_trainable_litert(model, "learner.tflite", samples=x, value_range=None)
        >>> from ai_edge_litert.interpreter import Interpreter  # all that a device needs, with NumPy
        >>> interpreter = Interpreter("learner.tflite")
        >>> train, infer, get_weights, set_weights = map(
        ...     interpreter.get_signature_runner, ("train", "infer", "get_weights", "set_weights"))
        >>> for _ in range(200):
        ...     loss = train(x=x, y=y, learning_rate=np.float32(0.1))["loss"]
        >>> bool((infer(x=x)["output"].argmax(-1) == y).mean() > 0.8)
        True
        >>> np.savez("learned.npz", **get_weights())
        >>> set_weights(**np.load("learned.npz"))
        {'set': np.int32(1)}
    """
    parts_of(inference_model(model), trainable)
    expected = reference(model, samples, value_range=value_range)
    return write_trainable(model, path, expected, trainable=trainable)


def write_trainable(model, path: str | os.PathLike, expected: Reference, *, trainable: str = "head") -> dict:
    """Write a file as `to_trainable_litert` does, verified by a reference that is there already.

    Args:
        model: As in `to_trainable_litert`.
        path: The file to write.
        expected: The reference.
        trainable: As in `to_trainable_litert`.
    """
    model = inference_model(model)
    parts = parts_of(model, trainable)
    content = _convert(model, parts)
    with replacing_file(path) as temporary:
        temporary.write_bytes(content)
        facts = check_on_device(temporary, model, parts, expected)
    size = sum(int(np.prod(weight.shape)) for weight in parts.weights.values())
    return {"path": str(path), "bytes": len(content), **facts, "trained_weights": size}


def _convert(model: keras.Model, parts: Parts) -> bytes:
    with tempfile.TemporaryDirectory() as directory, naming_operations(model, None), quiet_stderr():
        module = _module(model, parts)
        signatures = {name: getattr(module, name).get_concrete_function() for name in SIGNATURES}
        tf.saved_model.save(module, directory, signatures=signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(directory)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        converter.experimental_enable_resource_variables = True
        return converter.convert()


def _module(model: keras.Model, parts: Parts) -> tf.Module:
    module = tf.Module()
    # Without the plain variables as attributes the converter loses what they were initialised with.
    module.all_variables = [variable.value for variable in model.variables]
    weights = {name: variable.value for name, variable in parts.weights.items()}
    tensor = model.inputs[0]
    x = tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype, name="x")
    y, rate = tf.TensorSpec([None], "int32", name="y"), tf.TensorSpec([], "float32", name="learning_rate")

    @tf.function(input_signature=[x, y, rate])
    def train(x, y, learning_rate):
        loss, gradients = loss_and_gradients(model, parts, x, y)
        whole = tf.reduce_all((y >= 0) & (y < parts.head.units)) & tf.equal(loss - loss, 0.0)
        for name, gradient in gradients.items():
            weights[name].assign_sub(learning_rate * tf.where(whole, gradient, tf.zeros_like(gradient)))
        return {"loss": tf.where(whole, loss, float("nan"))}

    @tf.function(input_signature=[tf.TensorSpec(w.shape, w.dtype, name=name) for name, w in weights.items()])
    def set_weights(*values):
        for variable, value in zip(weights.values(), values, strict=True):
            variable.assign(value)
        return {"set": tf.constant(1)}  # a signature needs an output

    module.train, module.set_weights = train, set_weights
    module.infer = tf.function(lambda x: {"output": model(x, training=False)}, input_signature=[x])
    module.get_weights = tf.function(lambda: {n: w.read_value() for n, w in weights.items()}, input_signature=[])
    return module


def loss_and_gradients(model: keras.Model, parts: Parts, x, y) -> tuple:
    """Return the mean cross-entropy and `{name: gradient}`, derived by hand from the layers' inputs and outputs.

    Args:
        model: The model.
        parts: What trains in it.
        x: Batch of inputs.
        y: Labels `(n,)`.
    """
    calls = ([parts.block] if parts.block else []) + parts.between
    ends = [(node.input_tensors[0], node.output_tensors[0]) for node in calls]
    inner = keras.Model(model.inputs[0], [*keras.tree.flatten(ends), parts.features])
    *values, features = keras.tree.flatten(inner(x, training=False))
    values = list(zip(values[::2], values[1::2], strict=True))
    kernel = parts.head.kernel.value
    logits = tf.matmul(features, kernel)
    if parts.head.use_bias:
        logits += parts.head.bias.value
    right, count = tf.one_hot(y, parts.head.units), tf.cast(tf.shape(y)[0], "float32")
    loss = -tf.reduce_sum(right * tf.nn.log_softmax(logits)) / count
    gradient = (tf.nn.softmax(logits) - right) / count
    found = {"kernel": tf.matmul(features, gradient, transpose_a=True), "bias": tf.reduce_sum(gradient, 0)}
    gradient = tf.matmul(gradient, kernel, transpose_b=True)
    for node, (before, after) in reversed(list(zip(calls, values, strict=True))):
        if node is parts.block:
            scale, bias = of_scale_and_bias(node.operation, before, after, gradient)
            found |= {"block_scale": scale, "block_bias": bias}
        else:
            gradient = back(node.operation, before, after, gradient)
    return loss, {name: found[name] for name in parts.weights}
