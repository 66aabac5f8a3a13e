"""Compare a LiteRT file with the model it was made from, and name no file that fails."""

import os
from pathlib import Path

import numpy as np

from tlkeras.export.atomic import replacing_file
from tlkeras.export.litert import convert
from tlkeras.export.run import latency_ms, run_litert
from tlkeras.export.samples import check_samples
from tlkeras.export.savedmodel import inference_model

FLOAT_BOUND = 1e-3  # a float32 file may differ by this share of the largest output: rounding only, 1e-6 is usual


class ExportMismatch(RuntimeError):
    """A written file does not give the answers of the model it was made from."""


def export_litert(
    model,
    path: str | os.PathLike,
    *,
    samples,
    quantize: str | None = None,
    calibration=None,
    min_agreement: float = 0.98,
    value_range=(0, 255),
) -> dict:
    """Convert a model to LiteRT, verify the file, and only then give it its name.

    A float32 file must also stay within 0.1 % of the largest output. A file that fails is deleted, and an older file
    of that name stays.

    Args:
        model: A `keras.Model` or a `TransferModel`.
        path: The file to write.
        samples: Array `(n, *input_shape)` on which file and model are compared.
        quantize: None for float32, "float16", "dynamic" or "int8", as in `to_litert`.
        calibration: The representative inputs for "int8"; they may not overlap `samples` in memory.
        min_agreement: The smallest agreement that passes.
        value_range: As in `to_litert`.

    Returns:
        The dict of `verify_litert`.

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
    model = inference_model(model)
    samples = check_samples(samples, model, value_range, "samples")
    content = convert(model, quantize=quantize, samples=calibration, value_range=value_range)
    with replacing_file(path) as temporary:
        temporary.write_bytes(content)
        limit = None if quantize else FLOAT_BOUND
        facts = verify_litert(
            model, temporary, samples, min_agreement=min_agreement, max_diff=limit, value_range=value_range
        )
    return {**facts, "path": str(path)}


def verify_litert(
    model,
    path: str | os.PathLike,
    samples,
    *,
    min_agreement: float = 0.98,
    max_diff: float | None = None,
    value_range=(0, 255),
) -> dict:
    """Compare a LiteRT file with its model on samples, and measure its latency.

    agreement = share of outputs whose argmax over the last axis is the model's; an output that is not finite
    disagrees.

    Args:
        model: A `keras.Model` or a `TransferModel` with at least two classes on its last axis.
        path: The file.
        samples: Array `(n, *input_shape)` in the form the model takes. For an int8 file they should be disjoint from
            the representative set, or the figure flatters.
        min_agreement: The smallest agreement that passes, in (0, 1].
        max_diff: The largest difference that passes, as a share of the largest output of the model (or of 1 if that
            is larger); None for no bound.
        value_range: As in `to_litert`.

    Returns:
        A dict: `path`, `bytes`, `agreement`, `max_abs_diff` (over finite outputs), `latency_ms_median` (batch 1,
        1 thread, 100 runs after 10 for warming up), `samples` (their number).

    Raises:
        ValueError: If an argument is out of range or the samples do not fit.
        ExportMismatch: If a bound is exceeded.
    """
    model = inference_model(model)
    samples = check_samples(samples, model, value_range, "samples")
    check_share(min_agreement)
    expected = np.asarray(model.predict(samples, verbose=0), "float32")
    if expected.ndim < 2 or expected.shape[-1] < 2:
        raise ValueError(f"`model` must have at least two classes on its last axis. Received: {expected.shape}")
    facts = check_answers(expected, run_litert(path, samples), Path(path).name, min_agreement, max_diff)
    return {
        "path": str(path),
        "bytes": os.path.getsize(path),
        **facts,
        "latency_ms_median": latency_ms(path, samples[:1]),
        "samples": len(samples),
    }


def check_share(min_agreement: float) -> None:
    """Refuse an agreement that is no share.

    Raises:
        ValueError: If it is not in (0, 1].
    """
    if not 0 < min_agreement <= 1:
        raise ValueError(f"`min_agreement` must be in (0, 1]. Received: {min_agreement}")


def check_answers(expected: np.ndarray, found: np.ndarray, name: str, min_agreement: float, max_diff) -> dict:
    """Return `agreement` and `max_abs_diff` of a file's answers, or say that they are not the model's.

    Args:
        expected: The model's answers, `(n, ..., classes)`.
        found: Those of the file.
        name: What is compared, for the error.
        min_agreement: As in `verify_litert`.
        max_diff: As in `verify_litert`.

    Raises:
        ExportMismatch: If a bound is exceeded.
        ValueError: If the shapes differ.
    """
    agreement, difference = compare(expected, found)
    limit = np.inf if max_diff is None else max_diff * max(1.0, float(np.abs(expected).max()))
    if not (agreement >= min_agreement and difference <= limit):
        raise ExportMismatch(
            f"{name} does not give the answers of its model on {len(expected)} samples: agreement must be >= "
            f"{min_agreement} and the largest difference <= {limit:.4g}. "
            f"Received: agreement {agreement:.4f}, largest difference {difference:.4g}"
        )
    return {"agreement": agreement, "max_abs_diff": difference}


def compare(expected: np.ndarray, found: np.ndarray) -> tuple[float, float]:
    """Return the share of equal argmax (not finite = unequal) and the largest difference between finite outputs.

    Args:
        expected: Array `(..., classes)`.
        found: Array of the same shape.

    Returns:
        `(agreement, max_abs_diff)`; the difference is infinite when nothing is finite.

    Raises:
        ValueError: If the shapes differ.
    """
    if expected.shape != found.shape:
        raise ValueError(f"The file's output must have the model's shape {expected.shape}. Received: {found.shape}")
    finite = np.isfinite(expected).all(-1) & np.isfinite(found).all(-1)
    same = finite & (expected.argmax(-1) == found.argmax(-1))
    difference = float(np.abs(expected - found)[finite].max()) if finite.any() else float("inf")
    return float(same.mean()), difference
