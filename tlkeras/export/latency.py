"""The time of one call of several LiteRT files, taken in turn."""

import time
from collections.abc import Sequence

import numpy as np

from tlkeras.export.contents import open_litert

WARM_UP_RUNS = 5
ROUNDS, RUNS = 20, 10  # each file in turn, RUNS timed calls at a time
FEWEST_ROUNDS, LONGEST = 3, 20.0  # a slow file gets fewer: after LONGEST seconds a file the rounds end


def latencies(paths: Sequence, *, threads: int = 1) -> list[np.ndarray]:
    """Return the times of single calls in milliseconds, about 200 a file.

    The files take turns, ten calls each, so that a slow moment of the machine hits all of them alike; the first call
    of a turn, which finds the caches full of another file, is not timed. Inputs are random.

    Args:
        paths: `.tflite` files.
        threads: Threads of the interpreter.

    Raises:
        ValueError: As in `open_litert`, or if a file takes text.
    """
    calls = [_call(path, threads) for path in paths]
    times: list[list[float]] = [[] for _ in paths]
    for call in calls:
        for _ in range(WARM_UP_RUNS):
            call()
    end = time.monotonic() + LONGEST * len(calls)
    for round_ in range(ROUNDS):
        for place in np.roll(range(len(calls)), round_).tolist():
            calls[place]()
            times[place] += [calls[place]() for _ in range(RUNS)]
        if round_ + 1 >= FEWEST_ROUNDS and time.monotonic() > end:
            break
    return [np.asarray(values) for values in times]


def _call(path, threads: int):
    """Return a function that runs the file once and returns the milliseconds."""
    interpreter = open_litert(path, threads=threads)
    generator = np.random.default_rng(0)
    inputs = [(details["index"], _random(generator, details, path)) for details in interpreter.get_input_details()]

    def call() -> float:
        for index, values in inputs:
            interpreter.set_tensor(index, values)
        start = time.perf_counter()
        interpreter.invoke()
        return 1000 * (time.perf_counter() - start)

    return call


def _random(generator, details: dict, path) -> np.ndarray:
    dtype, shape = np.dtype(details["dtype"]), tuple(details["shape"])
    if dtype.kind == "f":
        return generator.random(shape).astype(dtype)
    if dtype.kind in "iu" and dtype.itemsize <= 2:
        bounds = np.iinfo(dtype)
        return generator.integers(bounds.min, bounds.max, shape, dtype, endpoint=True)
    if dtype.kind in "iub":  # wide integers are indices: 0 and 1 are in every vocabulary
        return generator.integers(0, 2, shape).astype(dtype)
    raise ValueError(f"`files` must take numbers. Received: an input of type {dtype.name} in {path}")
