"""Whether a file that learns does on the LiteRT interpreter what Keras does."""

import os

import keras
import numpy as np
import tensorflow as tf

from tlkeras.export.contents import open_litert
from tlkeras.export.on_device_parts import Parts
from tlkeras.export.reference import FLOAT_BOUND, ExportMismatch, Reference

STEP_SAMPLES, STEP_RATE = 16, 0.1
STEP_BOUND, ROUNDING = 1e-3, 1e-6  # of the largest change of a weight, and of the largest weight


def check_on_device(path: str | os.PathLike, model: keras.Model, parts: Parts, expected: Reference) -> dict:
    """Return what `Reference.check` says of `infer`, or in which signature a file differs from its model.

    Args:
        path: The file.
        model: The model it was made from.
        parts: What trains in it.
        expected: The reference of the model.

    Raises:
        ExportMismatch: If an answer, the change by one step of `train` or a restored weight is not Keras' own.
    """
    interpreter = open_litert(path)
    runners = {name: interpreter.get_signature_runner(name) for name in interpreter.get_signature_list()}
    found = np.concatenate([runners["infer"](x=sample[np.newaxis])["output"] for sample in expected.samples])
    facts = expected.check(found, f"`infer` of {model.name!r}", FLOAT_BOUND)
    before = runners["get_weights"]()
    for name, variable in parts.weights.items():
        _check(name, variable.numpy(), before[name], 0.0, "`get_weights`")
    batch = expected.samples[:STEP_SAMPLES]
    labels = np.arange(len(batch), dtype="int32") % parts.head.units
    step = {name: STEP_RATE * gradient for name, gradient in _gradients(model, parts, batch, labels).items()}
    loss = runners["train"](x=batch, y=labels, learning_rate=np.float32(STEP_RATE))["loss"]
    after = runners["get_weights"]()
    for name, change in step.items():
        bound = STEP_BOUND * np.abs(change).max() + ROUNDING * max(1.0, np.abs(before[name]).max())
        _check(name, before[name] - change, after[name], bound, f"One step of `train` (loss {loss:.4g})")
    runners["set_weights"](**before)
    restored = runners["get_weights"]()
    for name, value in before.items():
        _check(name, value, restored[name], 0.0, "`set_weights`")
    return facts


def _gradients(model, parts, batch, labels) -> dict:
    """Keras' and TensorFlow's own gradient, of which the file holds a derivation by hand."""
    variables = {name: variable.value for name, variable in parts.weights.items()}
    features = keras.Model(model.inputs[0], parts.features)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(list(variables.values()))
        logits = features(batch, training=False) @ parts.head.kernel.value
        if parts.head.use_bias:
            logits += parts.head.bias.value
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(labels, logits)
    return {name: gradient.numpy() for name, gradient in tape.gradient(loss, variables).items()}


def _check(name: str, expected, found, bound: float, what: str) -> None:
    difference = np.abs(expected - found).max()
    if expected.shape != found.shape or not difference <= bound:
        raise ExportMismatch(
            f"{what} does not give Keras' {name!r}: the largest difference must be <= {bound:.4g}. "
            f"Received: {difference:.4g}"
        )
