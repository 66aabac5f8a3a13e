"""The inference model as a SavedModel, for TensorFlow Serving and for every converter that starts from one."""

import os
from pathlib import Path

import keras

from tlkeras.export.atomic import replacing_directory


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
        FileExistsError: If `directory` holds something other than a SavedModel.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
        >>> to_saved_model(model, "saved_model").name
        'saved_model'
    """
    model = inference_model(model)
    with replacing_directory(directory, marker="saved_model.pb") as temporary:
        model.export(str(temporary), format="tf_saved_model", verbose=False)
    return Path(directory)
