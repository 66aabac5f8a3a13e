"""Rows of a model's inputs, which are one array or a dict of arrays by input."""

import keras
import numpy as np


def as_rows(inputs):
    """Returns inputs as arrays.

    Args:
        inputs: What `numpy.asarray` takes, or a dict of such by input; tensors of strings become objects, bytes.

    Returns:
        An array, or a dict of arrays.
    """
    if isinstance(inputs, dict):
        return {name: as_rows(values) for name, values in inputs.items()}
    return keras.ops.convert_to_numpy(inputs) if keras.ops.is_tensor(inputs) else np.asarray(inputs)


def row_count(inputs) -> int:
    """Returns how many rows there are, those of the first input of a dict.

    Args:
        inputs: Anything with a length, or a dict of such.
    """
    return len(next(iter(inputs.values()), ())) if isinstance(inputs, dict) else len(inputs)


def take_rows(inputs, rows):
    """Returns some rows.

    Args:
        inputs: Anything that takes an array of indices, or a dict of what `as_rows` takes.
        rows: Indices, or a slice.
    """
    if isinstance(inputs, dict):
        return {name: as_rows(values)[rows] for name, values in inputs.items()}
    return inputs[rows]


def fed(inputs):
    """Returns rows as Keras takes them: it refuses NumPy's strings.

    Args:
        inputs: An array, or a dict of arrays.
    """
    if isinstance(inputs, dict):
        return {name: fed(values) for name, values in inputs.items()}
    strings = isinstance(inputs, np.ndarray) and inputs.dtype.kind in "OSU"
    return keras.ops.convert_to_tensor(inputs, "string") if strings else inputs


def check_inputs(name, inputs):
    """Raises a ValueError where the inputs of a dict differ in length.

    Args:
        name: What to call them in the error.
        inputs: Dict of arrays.
    """
    lengths = {key: np.shape(values)[:1] for key, values in inputs.items()}
    if len(set(lengths.values())) != 1 or () in lengths.values():
        raise ValueError(f"`{name}` must have as many rows in each input. Received: {lengths}")
