"""The inference model as a SavedModel, for TensorFlow Serving and for every converter that starts from one."""

import os
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tlkeras.export.atomic import replacing_directory

MARKER = "saved_model.pb"  # the file by which a SavedModel is known


def inference_model(model) -> keras.Model:
    """Return the model that ships: the `model` of a `TransferModel`, or the Keras model itself.

    Args:
        model: A `keras.Model`, or anything whose attribute `model` is one.

    Raises:
        TypeError: If it is neither.
    """
    inner = getattr(model, "model", None)
    if isinstance(inner, keras.Model):
        return inner
    if isinstance(model, keras.Model):
        return model
    raise TypeError(f"`model` must be a keras.Model, or have one as its attribute `model`. Received: {model!r}")


def to_saved_model(model, directory: str | os.PathLike) -> Path:
    """Write the inference model as a SavedModel directory; methods, critics and optimizer state stay behind.

    The directory appears complete or not at all; an older SavedModel of that name is replaced as a whole.

    Args:
        model: A `keras.Model` or a `TransferModel`. It must be built.
        directory: The directory to write. Missing parents are made.

    Returns:
        The path of the directory.

    Raises:
        TypeError: If `model` is not a model.
        ValueError: If it is not built.
        FileExistsError: If `directory` holds something other than a SavedModel.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
        >>> to_saved_model(model, "saved_model").name
        'saved_model'
    """
    model = inference_model(model)
    if not model.built:
        raise ValueError(f"`model` must be built: call it once, or give it an Input. Received: {model.name!r}")
    with replacing_directory(directory, marker=MARKER) as temporary:
        model.export(str(temporary), format="tf_saved_model", verbose=False)
    return Path(directory)


def run_saved_model(directory: str | os.PathLike, samples, *, batch_size: int = 32) -> np.ndarray:
    """Return the outputs of a SavedModel for samples, by TensorFlow alone.

    Args:
        directory: What `to_saved_model` wrote: its endpoint is `serve`, with one input and one output.
        samples: Array `(n, *input_shape)` of the input's type.
        batch_size: Samples a call.

    Raises:
        ValueError: If the directory is no SavedModel with such an endpoint.
    """
    try:
        loaded = tf.saved_model.load(os.fspath(directory))
        serve = loaded.serve
    except (OSError, AttributeError, ValueError) as error:
        raise ValueError(
            f"`directory` must be a complete SavedModel with the endpoint `serve`. Received: {directory} ({error})"
        ) from error
    starts = range(0, len(samples), batch_size)
    found = [serve(samples[start : start + batch_size]) for start in starts]
    if isinstance(found[0], dict):
        return {name: np.concatenate([outputs[name].numpy() for outputs in found]) for name in found[0]}
    return np.concatenate([output.numpy() for output in found])
