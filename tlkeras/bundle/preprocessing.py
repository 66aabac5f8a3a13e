"""What a caller must do before the file, and what the file does itself."""

import keras
import numpy as np

INSIDE = (keras.layers.Rescaling, keras.layers.Normalization, keras.layers.Resizing, keras.layers.CenterCrop)
SUM_BOUND = 1e-3  # shares in float32, or of an 8-bit softmax in a model that was quantised before


def preprocessing(model: keras.Model, answers: np.ndarray, value_range) -> dict:
    """Return the content of `preprocessing.json`.

    Args:
        model: The inference model.
        answers: Its outputs on samples, `(n, classes)`: they tell logits from probabilities.
        value_range: The range of the input, or None.
    """
    tensor = model.inputs[0]
    shape = [int(side) for side in tensor.shape[1:]]
    content = {
        "input": {
            "shape": shape,
            "dtype": str(tensor.dtype),
            "value_range": None if value_range is None else [float(bound) for bound in value_range],
        },
        "before_the_file": [],
        "inside_the_file": [_told(layer) for layer in model._flatten_layers() if isinstance(layer, INSIDE)],
        "output": {"kind": output_kind(answers), "classes": int(answers.shape[-1])},
    }
    if takes_images(shape, value_range):
        content["before_the_file"] = [
            "turn as the EXIF orientation says; lay transparent pixels over white; convert to RGB",
            "a JPEG of more than four times the size may be shrunk while it is decoded (Pillow's `draft`): training "
            "and predict.py do, the page does not",
            f"cut the largest centred part of the proportions {shape[1]}:{shape[0]}",
            f"resize to {shape[1]} x {shape[0]} (width x height), bilinear with antialiasing (Pillow's BILINEAR)",
            "grey (luma)" if shape[-1] == 1 else "channels in the order RGB",
            f"0-255 becomes {value_range[0]:g} to {value_range[1]:g}; a uint8 input takes the bytes as they are",
        ]
    return content


def takes_images(shape, value_range) -> bool:
    """Tell whether the input may be the pixels of an image file.

    Args:
        shape: Of one input.
        value_range: As in `preprocessing`.
    """
    return len(shape) == 3 and shape[-1] in (1, 3) and value_range is not None


def output_kind(answers: np.ndarray) -> str:
    """Return "probabilities" where each row is a distribution, "scores" where all lie in [0, 1], else "logits".

    Example:
        >>> [output_kind(np.array([row])) for row in ([0.25, 0.75], [0.9, 0.9], [3.0, -1.0])]
        ['probabilities', 'scores', 'logits']
    """
    if answers.min() < 0 or answers.max() > 1:
        return "logits"
    return "probabilities" if np.abs(answers.sum(-1) - 1).max() < SUM_BOUND else "scores"


def _told(layer) -> dict:
    config = {name: getattr(layer, name) for name in ("scale", "offset", "height", "width") if hasattr(layer, name)}
    return {"layer": layer.name, "class": type(layer).__name__, **config}
