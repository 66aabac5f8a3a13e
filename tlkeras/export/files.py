"""Every file of one model: a SavedModel for serving and verified LiteRT files, into one directory."""

import os
from pathlib import Path

import numpy as np

from tlkeras.export.samples import single_input
from tlkeras.export.savedmodel import inference_model, to_saved_model
from tlkeras.export.verify import export_litert

RANDOM_INPUTS = 64


def export_files(
    model, directory: str | os.PathLike, *, formats=("savedmodel", "litert"), quantizations=("none",), samples=None,
    value_range=(0, 255),
) -> list[dict]:  # fmt: skip
    """Write `saved_model/`, `model_float32.tflite` and `model_int8.tflite`, as far as they are asked for.

    The LiteRT files are verified: on every second sample, or without samples on 64 random inputs.

    Args:
        model: A `keras.Model` or a `TransferModel`.
        directory: Where to write. Missing parents are made; older files of these names are replaced.
        formats: Of "savedmodel" and "litert".
        quantizations: Of "none" and "int8", for LiteRT.
        samples: Array `(n >= 2, *input_shape)` in the model's own form; the samples that do not verify calibrate
            int8, which needs them.
        value_range: As in `to_litert`.

    Returns:
        One dict a file: `path`, and for LiteRT what `export_litert` returns and `verified_on`.

    Raises:
        ValueError: As in `export_litert`.
        ConversionError: If an operation has no LiteRT builtin.
        ExportMismatch: If a LiteRT file does not give the model's answers.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
        >>> [row["verified_on"] for row in export_files(model, "exported", formats=("litert",))]
        ['random inputs']
    """
    if samples is None and "int8" in quantizations and "litert" in formats:
        raise ValueError("int8 needs representative inputs: pass `samples`. Received: None")
    directory, calibration, verified_on = Path(directory), None, "random inputs"
    if samples is not None:
        calibration, samples, verified_on = samples[::2], samples[1::2], "every second sample"
    elif "litert" in formats:
        samples = _random_inputs(model, value_range)
    rows = []
    if "savedmodel" in formats:
        rows.append({"path": str(to_saved_model(model, directory / "saved_model"))})
    for name in quantizations if "litert" in formats else ():
        facts = export_litert(
            model,
            directory / f"model_{'float32' if name == 'none' else name}.tflite",
            samples=samples,
            quantize=None if name == "none" else name,
            calibration=calibration,
            value_range=value_range,
        )
        rows.append({**facts, "verified_on": verified_on})
    return rows


def read_samples(path: str | os.PathLike) -> np.ndarray:
    """Return the array of a `.npy` file.

    Raises:
        ValueError: If the file cannot be read, is of another kind, or holds fewer than two samples.
    """
    try:
        samples = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"`samples` cannot be read ({error}). Received: {path}") from error
    if not isinstance(samples, np.ndarray) or samples.ndim == 0 or len(samples) < 2:
        found = getattr(samples, "shape", type(samples).__name__)
        raise ValueError(
            f"`samples` must be one array of at least two samples, written by numpy.save. Received: {found} in {path}"
        )
    return samples


def _random_inputs(model, value_range) -> np.ndarray:
    tensor = single_input(inference_model(model))
    if value_range is None and "float" not in tensor.dtype:
        raise ValueError(
            "`samples` must be given for integer inputs without a `value_range`: none can be drawn. "
            f"Received: dtype={tensor.dtype}"
        )
    low, high = value_range or (-1, 1)
    return np.random.default_rng(0).uniform(low, high, (RANDOM_INPUTS, *tensor.shape[1:])).astype("float32")
