"""What a model takes, and whether an array of samples is that."""

import keras
import numpy as np

from tlkeras.data.checks import checked_rows


def single_input(model: keras.Model, *, named_outputs: bool = False):
    """Return the one symbolic input of a model that can be exported to a single-signature file.

    Args:
        model: A functional or built Sequential model.
        named_outputs: Whether it may return a dict of several outputs.

    Raises:
        ValueError: If the model has several inputs, or outputs beyond that, a string input, or a shape that is open in
            any axis but the first.
    """
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    several = named_outputs and isinstance(getattr(model, "output", None), dict)
    if not inputs or not outputs or len(inputs) != 1 or (len(outputs) != 1 and not several):
        ends = [[(tensor.name, tuple(tensor.shape)) for tensor in tensors or ()] for tensors in (inputs, outputs)]
        raise ValueError(
            "`model` must be a functional or built Sequential model with one input and "
            f"{'one output, or a dict of outputs' if named_outputs else 'one output'}; of a table "
            '`export_table_files` takes the part above the columns, as `surgery.split(model, "encoded")` does. '
            f"Received: {model.name!r} with inputs={ends[0]}, outputs={ends[1]}"
        )
    tensor = inputs[0]
    if tensor.dtype == "string":
        raise ValueError(
            "`model` must take numbers: LiteRT builtins cannot read text. `export_files` cuts it where its numbers "
            f"begin, and so does `surgery.split(model, layer)`. Received: dtype={tensor.dtype}"
        )
    if None in tensor.shape[1:]:
        raise ValueError(f"`model` must have a fixed input shape, the batch axis aside. Received: shape={tensor.shape}")
    return tensor


def check_samples(samples, model: keras.Model, value_range: tuple[float, float] | None, argument: str) -> np.ndarray:
    """Return the samples as a new array of the model's input type, or say what is wrong with them.

    Args:
        samples: Array `(n, *input_shape)`, `n >= 1`.
        model: The model that will take them.
        value_range: As in `tlkeras.data.checks.checked_rows`.
        argument: The name of the argument, for the error message.

    Raises:
        ValueError: If shape, type or range is wrong, or there are no samples.
    """
    return checked_rows(samples, single_input(model, named_outputs=True), value_range, argument)
