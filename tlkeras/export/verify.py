"""Compare a file with the model it was made from, and name none that fails."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tlkeras.export.atomic import replacing_directory, replacing_file
from tlkeras.export.fake_quant import has_fake_quant
from tlkeras.export.litert import convert
from tlkeras.export.mixed_precision import Calibrated, fewest_floats, sensitivities
from tlkeras.export.names import INT8
from tlkeras.export.reference import FLOAT_BOUND, ExportMismatch, Reference, reference
from tlkeras.export.run import latency_ms, run_content, run_litert
from tlkeras.export.samples import check_samples
from tlkeras.export.savedmodel import MARKER, inference_model, run_saved_model, to_saved_model


def export_litert(
    model,
    path: str | os.PathLike,
    *,
    samples,
    labels=None,
    quantize: str | None = None,
    calibration=None,
    min_agreement: float = 0.98,
    max_drop: float | None = None,
    value_range=(0, 255),
) -> dict:
    """Convert a model to LiteRT, verify the file, and only then give it its name.

    A float32 file must also stay within 0.1 % of the largest output. A file that fails is deleted, and an older file
    of that name stays.

    With `max_drop`, an int8 file that fails is made again with float32 operators in it: the error of the outputs is
    measured with each operator alone in int8, and the worst stay float, as few as pass (found on `samples` by
    doubling and halving: the figures of such a file are those of a choice among some ten).

    Args:
        model: A `keras.Model` or a `TransferModel`.
        path: The file to write.
        samples: Array `(n, *input_shape)` on which file and model are compared.
        labels: Integers `(n,)`, their classes, or None.
        quantize: None for float32, or as in `to_litert`.
        calibration: The representative inputs for the int8 kinds; they may not overlap `samples` in memory.
        min_agreement: The smallest share of equal answers that passes; see `verify_litert`.
        max_drop: The largest loss of accuracy that passes, in points; without labels the largest share of changed
            answers, in percent.
        value_range: As in `to_litert`.

    Returns:
        The dict of `verify_litert`; of a mixed file also `operators`, their number, and `float_layers`, such as
        `{"2: CONV_2D in layer 'conv'": error}`.

    Raises:
        ValueError: As in `to_litert` and `verify_litert`, or if the two sets overlap.
        ConversionError: If an operation has no LiteRT builtin.
        ExportMismatch: If the file does not give the model's answers.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
        >>> images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1)).astype("uint8")
        >>> export_litert(model, "digits.tflite", samples=images)["agreement"]
        1.0
    """
    if calibration is not None and np.shares_memory(calibration, samples):
        raise ValueError("`samples` must be disjoint from `calibration`. Received: arrays that share memory")
    bounds = {"labels": labels, "min_agreement": min_agreement, "max_drop": max_drop}
    expected = reference(model, samples, **bounds, value_range=value_range)
    return write_litert(model, path, expected, quantize=quantize, calibration=calibration, value_range=value_range)


def write_litert(
    model, path: str | os.PathLike, expected: Reference, *, quantize=None, calibration=None, value_range=(0, 255)
) -> dict:
    """Write a LiteRT file as `export_litert` does, verified by a reference that is there already.

    Args:
        model: As in `export_litert`.
        path: The file to write.
        expected: The reference.
        quantize: As in `to_litert`.
        calibration: As in `export_litert`.
        value_range: As in `to_litert`.
    """
    model = inference_model(model)
    content = convert(model, quantize=quantize, samples=calibration, value_range=value_range)
    mixed = {}
    with replacing_file(path) as temporary:
        temporary.write_bytes(content)
        try:
            facts = _verified(temporary, Path(path).name, expected, None if quantize else FLOAT_BOUND)
        except ExportMismatch as error:
            if quantize not in INT8 or has_fake_quant(model):  # its layers have trained for int8, all of them
                raise
            if expected.max_drop is None:
                raise ExportMismatch(f"{error}. `max_drop` lets the layers that lose most stay float") from error
            print(f"{error}. Now the layers that lose most stay float.")
            calibration = check_samples(calibration, model, value_range, "samples")
            calibrated = Calibrated(model, calibration.copy(), value_range, quantize)
            mixed = _write_mixed(model, temporary, expected, calibrated, calibration)
            facts = _verified(temporary, Path(path).name, expected, None)
    return {**facts, "path": str(path), **mixed}


def write_saved_model(model, directory: str | os.PathLike, expected: Reference) -> dict:
    """Write a SavedModel that TensorFlow has run before the directory gets its name.

    Args:
        model: A `keras.Model` or a `TransferModel`.
        directory: The directory to write, as in `to_saved_model`.
        expected: The reference.

    Returns:
        A dict: `path`, and what `Reference.check` returns.

    Raises:
        ExportMismatch: If it does not give the model's answers.
    """
    name = Path(directory).name
    with replacing_directory(directory, marker=MARKER) as temporary:
        to_saved_model(model, temporary)
        facts = expected.check(run_saved_model(temporary, expected.samples), name, FLOAT_BOUND)
    return {"path": str(directory), **facts}


def verify_litert(
    model,
    path: str | os.PathLike,
    samples,
    *,
    labels=None,
    min_agreement: float = 0.98,
    max_drop: float | None = None,
    max_diff: float | None = None,
    value_range=(0, 255),
) -> dict:
    """Compare a LiteRT file with its model on samples, and measure its latency.

    agreement = share of outputs whose argmax over the last axis is the model's; an output that is not finite
    disagrees. Of a `tlkeras.surgery.multi_label` it is the share of samples with the model's set of labels, of a
    `regressor` that of samples whose every value is within a tenth of the deviation of the model's values.

    Args:
        model: A `keras.Model` or a `TransferModel`; one of classes has at least two on its last axis.
        path: The file.
        samples: Array `(n, *input_shape)` in the form the model takes. For an int8 file they should be disjoint from
            the representative set, or the figure flatters.
        labels: Integers `(n,)`, their classes, or None.
        min_agreement: The smallest agreement that passes, in (0, 1].
        max_drop: As in `export_litert`.
        max_diff: The largest difference that passes, as a share of the largest output of the model (or of 1 if that
            is larger); None for no bound.
        value_range: As in `to_litert`.

    Returns:
        A dict: `path`, `bytes`, `latency_ms_median` (batch 1, 1 thread, 100 runs after 10 for warming up), and what
        `Reference.check` returns.

    Raises:
        ValueError: If an argument is out of range or the samples do not fit.
        ExportMismatch: If a bound is exceeded.
    """
    bounds = {"labels": labels, "min_agreement": min_agreement, "max_drop": max_drop}
    return _verified(path, Path(path).name, reference(model, samples, **bounds, value_range=value_range), max_diff)


def _verified(path, name: str, expected: Reference, max_diff: float | None) -> dict:
    facts = expected.check(run_litert(path, expected.samples), name, max_diff)
    latency = latency_ms(path, expected.samples[:1])
    return {"path": str(path), "bytes": os.path.getsize(path), **facts, "latency_ms_median": latency}


def _write_mixed(model, path: Path, expected: Reference, calibrated: Calibrated, samples: np.ndarray) -> dict:
    """Write the file with as few float operators as pass, and return which they are."""
    lost = sensitivities(calibrated, samples, np.asarray(model.predict(samples, verbose=0), "float32"))
    floats, content = fewest_floats([*lost], _attempt(calibrated, expected))
    path.write_bytes(content)
    kept = {calibrated.operators[name]: lost[name] for name in floats}
    return {"float_layers": kept, "operators": len(calibrated.operators)}


def _attempt(calibrated: Calibrated, expected: Reference) -> Callable:
    def attempt(floats: list[str]) -> bytes:
        content = calibrated.content(floats)
        name = f"int8 with {len(floats)} of {len(calibrated.operators)} operators in float32"
        facts = expected.check(run_content(content, expected.samples), name)
        print(f"{name}: agreement {facts['agreement']:.4f}")
        return content

    return attempt
