"""Every file of one model, into one directory: SavedModel, LiteRT, ONNX, C source."""

import os
from pathlib import Path

import numpy as np

from tlkeras.export.c_source import to_c_source
from tlkeras.export.litert import QUANTIZATIONS
from tlkeras.export.onnx_file import to_onnx
from tlkeras.export.samples import single_input
from tlkeras.export.savedmodel import inference_model, to_saved_model
from tlkeras.export.verify import export_litert

FORMATS = ("savedmodel", "litert", "onnx", "c")
NAMES = ("none", *filter(None, QUANTIZATIONS))
IN_C = ("none", "int8")  # what TensorFlow Lite Micro runs
RANDOM_INPUTS = 64


def export_files(
    model, directory: str | os.PathLike, *, formats=("savedmodel", "litert"), quantizations=("none",), samples=None,
    value_range=(0, 255),
) -> list[dict]:  # fmt: skip
    """Write `saved_model/`, `model_float32.tflite`, `model.onnx`, `model_float32.c` and so on, as they are asked for.

    The LiteRT and ONNX files are verified: on every second sample, or without samples on 64 random inputs. C source is
    that of the LiteRT files.

    Args:
        model: A `keras.Model` or a `TransferModel`.
        directory: Where to write. Missing parents are made; older files of these names are replaced.
        formats: Of "savedmodel", "litert", "onnx" and "c".
        quantizations: Of "none", "float16", "dynamic" and "int8", for LiteRT, as in `to_litert`.
        samples: Array `(n >= 2, *input_shape)` in the model's own form; the samples that do not verify calibrate
            int8, which needs them.
        value_range: As in `to_litert`.

    Returns:
        One dict a file: `path`, and what `export_litert`, `to_onnx` and `to_c_source` return of it; `verified_on`.

    Raises:
        ValueError: If a format or a quantisation is unknown, C source is asked for without LiteRT or of what Micro
            does not run; or as in `export_litert`.
        ConversionError: If an operation has no LiteRT builtin, no place in ONNX or no kernel in Micro.
        ExportMismatch: If a file does not give the model's answers.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
        >>> [row["verified_on"] for row in export_files(model, "exported", formats=("litert",))]
        ['random inputs']
    """
    _check_names("formats", formats, FORMATS)
    _check_names("quantizations", quantizations, NAMES)
    if "c" in formats and ("litert" not in formats or not set(quantizations) <= set(IN_C)):
        raise ValueError(
            f"C source is made of LiteRT files of {' or '.join(IN_C)}: ask for the format litert too, and for no other "
            f"quantisation. Received: {','.join(formats)} of {','.join(quantizations)}"
        )
    if samples is None and "int8" in quantizations and "litert" in formats:
        raise ValueError("int8 needs representative inputs: pass `samples`. Received: None")
    directory, calibration, verified_on = Path(directory), None, "random inputs"
    if samples is not None:
        calibration, samples, verified_on = samples[::2], samples[1::2], "every second sample"
    elif {"litert", "onnx"} & set(formats):
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
    if "onnx" in formats:
        facts = to_onnx(model, directory / "model.onnx", samples=samples, value_range=value_range)
        rows.append({**facts, "verified_on": verified_on})
    for path in [row["path"] for row in rows if row["path"].endswith(".tflite") and "c" in formats]:
        facts = to_c_source(path, directory, name=Path(path).stem)
        rows.append({name: facts[name] for name in ("path", "bytes", "arena_bytes")})
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


def _check_names(argument: str, names, known: tuple[str, ...]) -> None:
    if isinstance(names, str) or not set(names) <= set(known):
        raise ValueError(f"`{argument}` must be a sequence of names from {known}. Received: {names!r}")


def _random_inputs(model, value_range) -> np.ndarray:
    tensor = single_input(inference_model(model))
    if value_range is None and "float" not in tensor.dtype:
        raise ValueError(
            "`samples` must be given for integer inputs without a `value_range`: none can be drawn. "
            f"Received: dtype={tensor.dtype}"
        )
    low, high = value_range or (-1, 1)
    return np.random.default_rng(0).uniform(low, high, (RANDOM_INPUTS, *tensor.shape[1:])).astype("float32")
