"""What a model takes, and whether an array of samples is that."""

import keras
import numpy as np


def single_input(model: keras.Model):
    """Return the one symbolic input of a model that can be exported to a single-signature file.

    Args:
        model: A functional or built Sequential model.

    Raises:
        ValueError: If the model has several inputs or outputs, a string input, or a shape that is open in any axis
            but the first.
    """
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    if not inputs or not outputs or len(inputs) != 1 or len(outputs) != 1:
        ends = [[(tensor.name, tuple(tensor.shape)) for tensor in tensors or ()] for tensors in (inputs, outputs)]
        raise ValueError(
            "`model` must be a functional or built Sequential model with one input and one output. "
            f"Received: {model.name!r} with inputs={ends[0]}, outputs={ends[1]}"
        )
    tensor = inputs[0]
    if tensor.dtype == "string":
        raise ValueError(f"`model` must take numbers: LiteRT builtins cannot read text. Received: dtype={tensor.dtype}")
    if None in tensor.shape[1:]:
        raise ValueError(f"`model` must have a fixed input shape, the batch axis aside. Received: shape={tensor.shape}")
    return tensor


def check_samples(samples, model: keras.Model, value_range: tuple[float, float] | None, argument: str) -> np.ndarray:
    """Return the samples as a new array of the model's input type, or say what is wrong with them.

    Args:
        samples: Array `(n, *input_shape)`, `n >= 1`.
        model: The model that will take them.
        value_range: The lowest and highest value of the model's input, or None to check for finite values only.
            Under (0, 255), float samples that never exceed 1 are refused: they have been scaled already.
        argument: The name of the argument, for the error message.

    Raises:
        ValueError: If shape, type or range is wrong, or there are no samples.
    """
    tensor = single_input(model)
    samples = np.asarray(samples)
    if samples.ndim == 0 or len(samples) == 0 or samples.shape[1:] != tuple(tensor.shape[1:]):
        raise ValueError(
            f"`{argument}` must have the shape (n >= 1, {str(tuple(tensor.shape[1:]))[1:-1]}). "
            f"Received: shape={samples.shape}"
        )
    if samples.dtype.kind not in "uif":
        raise ValueError(f"`{argument}` must be numbers. Received: dtype={samples.dtype}")
    low, high = float(samples.min()), float(samples.max())
    if not np.isfinite([low, high]).all():
        raise ValueError(f"`{argument}` must be finite. Received: minimum {low}, maximum {high}")
    if value_range is not None:
        scaled = tuple(value_range) == (0, 255) and samples.dtype.kind == "f" and high <= 1
        if low < value_range[0] or high > value_range[1] or scaled:
            raise ValueError(
                f"`{argument}` must be in the model's own range {tuple(value_range)}"
                f"{', not scaled to [0, 1]' if scaled else ''}; pass `value_range` if it takes another. "
                f"Received: minimum {low}, maximum {high}"
            )
    return samples.astype(tensor.dtype)
