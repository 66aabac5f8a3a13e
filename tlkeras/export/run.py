"""Run a LiteRT file through the LiteRT interpreter, in the units of the model, and time it."""

import os
import statistics
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from tlkeras.export.quiet import quiet_stderr

WARM_UP_RUNS, TIMED_RUNS = 10, 100


def run_litert(path: str | os.PathLike, samples, *, threads: int = 1) -> np.ndarray:
    """Run a LiteRT file on samples one by one, as a device does, and return its outputs as floats.

    Args:
        path: A file with one input.
        samples: Array `(n, *input_shape)` in the units of the model: a quantised input is quantised here with the
            file's own scale, a quantised output is turned back.
        threads: Threads of the interpreter.

    Returns:
        Array `(n, *output_shape)`, float32; of a file with several outputs `{output: array}`, by the names in its
        signature.

    Raises:
        ValueError: If the file has several inputs, or several outputs without names, or the samples do not fit its
            input.
    """
    interpreter = Interpreter(model_path=os.fspath(path), num_threads=threads)
    return _joined([output for output, _ in _run(interpreter, np.asarray(samples))])


def run_content(content: bytes, samples) -> np.ndarray:
    """Run a LiteRT file that is still in memory, as `run_litert` does.

    Args:
        content: Its bytes.
        samples: As in `run_litert`.
    """
    return _joined([output for output, _ in _run(Interpreter(model_content=content), np.asarray(samples))])


def latency_ms(path: str | os.PathLike, sample, *, threads: int = 1, runs: int = TIMED_RUNS) -> float:
    """Return the median time of one call in milliseconds, after 10 calls for warming up.

    Args:
        path: The file.
        sample: Array `(1, *input_shape)`.
        threads: Threads of the interpreter.
        runs: How many calls are timed.

    Returns:
        A float.

    Raises:
        ValueError: If the file has several inputs, or several outputs without names, or the sample does not fit its
            input.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
        >>> path = tlkeras.export.to_litert(model, "digits.tflite")
        >>> 0 < latency_ms(path, np.zeros((1, 8, 8, 1)), runs=5) < 1000
        True
    """
    repeated = np.repeat(np.asarray(sample)[:1], WARM_UP_RUNS + runs, axis=0)
    interpreter = Interpreter(model_path=os.fspath(path), num_threads=threads)
    times = [seconds for _, seconds in _run(interpreter, repeated)]
    return 1000 * statistics.median(times[WARM_UP_RUNS:])


def _run(interpreter: Interpreter, samples: np.ndarray):
    with quiet_stderr():
        interpreter.allocate_tensors()
    inputs, outputs = interpreter.get_input_details(), _outputs(interpreter)
    if len(inputs) != 1 or not outputs:
        raise ValueError(
            "`path` must have one input, and one output or a name for each in its only signature. "
            f"Received: {len(inputs)} and {len(interpreter.get_output_details())}"
        )
    source = inputs[0]
    if len(samples) == 0 or samples.shape[1:] != tuple(source["shape"][1:]):
        raise ValueError(f"`samples` must fit the file's input {tuple(source['shape'])}. Received: {samples.shape}")
    for sample in quantized(samples, source):
        interpreter.set_tensor(source["index"], sample[np.newaxis])
        start = time.perf_counter()
        interpreter.invoke()
        seconds = time.perf_counter() - start
        found = {name: _dequantized(interpreter.get_tensor(one["index"]), one) for name, one in outputs.items()}
        yield found.get(None, found), seconds


def _outputs(interpreter: Interpreter) -> dict:
    """Return `{name: details}`: None for the name of a single output, nothing where several have no names."""
    details, signatures = interpreter.get_output_details(), interpreter.get_signature_list()
    if len(details) == 1:
        return {None: details[0]}
    if len(signatures) != 1:
        return {}
    return interpreter.get_signature_runner(*signatures).get_output_details()


def _joined(found: list):
    if isinstance(found[0], dict):
        return {name: np.concatenate([outputs[name] for outputs in found]) for name in found[0]}
    return np.concatenate(found)


def quantized(values: np.ndarray, details: dict) -> np.ndarray:
    """Return values in the type of an input, by the scale that the file gives it; unscaled inputs are only cast.

    Args:
        values: Array in the units of the model.
        details: One of `interpreter.get_input_details()`.
    """
    scale, zero_point = details["quantization"]
    if scale == 0:
        return values.astype(details["dtype"])
    bounds = np.iinfo(details["dtype"])
    return np.clip(np.round(values / scale) + zero_point, bounds.min, bounds.max).astype(details["dtype"])


def _dequantized(values: np.ndarray, details: dict) -> np.ndarray:
    scale, zero_point = details["quantization"]
    return values.astype("float32") if scale == 0 else ((values.astype("float32") - zero_point) * scale)
