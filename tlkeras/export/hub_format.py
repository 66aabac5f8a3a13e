"""Writes a Keras 3 feature extractor as a reusable SavedModel, the format of TF-Hub."""

import os
from pathlib import Path

import keras
import tensorflow as tf

from tlkeras.export.atomic import replacing_directory


class _Reusable(tf.Module):
    """The attributes by which a consumer of a reusable SavedModel finds its parts."""

    # tf.Module computes these two as properties, which are not saved; plain attributes are.
    variables = None
    trainable_variables = None


def to_hub(model, directory: str | os.PathLike) -> Path:
    """Writes `model` as a reusable SavedModel: `__call__(inputs, training=False)` and lists of its variables.

    `HubLayer(directory)`, `hub.KerasLayer` and `hub.load` read it. With `training=True` dropout acts and BatchNorm
    updates its averages. The model is not changed. The directory appears complete or not at all.

    Args:
        model: Keras model with one input; it takes what the SavedModel shall take, images in [0, 1] by convention.
        directory: Where to write. An older SavedModel there is replaced.

    Returns:
        The directory.

    Raises:
        ValueError: If `model` is not a built Keras model with one input and one output.
        FileExistsError: If `directory` is a file or holds something else than a SavedModel.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
        >>> to_hub(model, "features_hub").name
        'features_hub'

    Reference:
        Reusable SavedModels, https://www.tensorflow.org/hub/reusable_saved_models
    """
    spec = _input_spec(model)
    root = _Reusable()
    root.variables = [variable.value for variable in model.variables]
    root.trainable_variables = [variable.value for variable in model.trainable_variables]
    root.regularization_losses = [_penalty(v) for v in model.trainable_variables if v.regularizer is not None]
    root.__call__ = tf.function(lambda inputs, training=False: model(inputs, training=training))
    for training in (True, False):
        root.__call__.get_concrete_function(spec, training=training)
    with replacing_directory(directory, "saved_model.pb") as temporary:
        tf.saved_model.save(root, os.fspath(temporary))
    return Path(directory)


def _input_spec(model) -> tf.TensorSpec:
    single = isinstance(model, keras.Model) and model.built and len(getattr(model, "inputs", None) or ()) == 1
    if not single or len(model.outputs) != 1:
        raise ValueError(f"`model` must be a built Keras model with one input and one output. Received: {model}")
    tensor = model.inputs[0]
    return tf.TensorSpec(tensor.shape, tensor.dtype, name="inputs")


def _penalty(variable):
    return tf.function(lambda: variable.regularizer(variable.value), input_signature=[])
