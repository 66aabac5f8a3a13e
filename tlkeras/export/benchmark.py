"""LiteRT files side by side: bytes, operations, latency, memory and accuracy."""

from collections.abc import Sequence

import numpy as np

from tlkeras.export.accuracy import check_classifier, litert_accuracy
from tlkeras.export.contents import litert_contents, open_litert
from tlkeras.export.latency import latencies
from tlkeras.export.memory import peak_memory


def bench(files: Sequence, *, baselines=(), threads=(1, 2), images=None, value_range=(0, 255)) -> list[dict]:
    """Measure LiteRT files on this machine, and compare them with the first.

    Latency is that of one call with the batch the file was written with (1, where tlkeras wrote it), taken in turn
    over all files, so that the ratios hold where the machine is slow now and then.

    Args:
        files: Paths of `.tflite` files; the first is what the others are compared with.
        baselines: More of them, such as published models of other classes: measured alike, not scored on `images`.
        threads: Numbers of threads.
        images: None, or labelled images as `tlkeras.data.image_folder` returns; the classes in their order.
        value_range: What an input that is not uint8 takes for black and white.

    Returns:
        One dict a file: `path`, `baseline` (bool), what `litert_contents` says, `latency` `{threads: {"median_ms",
        "p95_ms", "ratio", "runs"}}` where the ratio is the median over that of the first file, `peak_memory` (bytes
        beyond those of the process before it loads the file; see `peak_memory`), and with images `accuracy` and
        `images` (their number), None for baselines.

    Raises:
        ValueError: If there is no file, one is no LiteRT file or has an operator that the runtime lacks, or does not
            fit the images; or if `threads` or `value_range` are no such numbers.
        RuntimeError: If a file cannot be run.

    Example:
        >>> model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(2)])
        >>> path = tlkeras.export.to_litert(model, "small.tflite")
        >>> row = bench([path], threads=(1,))[0]
        >>> row["operations"], row["latency"][1]["ratio"], row["latency"][1]["runs"]
        ({'FULLY_CONNECTED': 2}, 1.0, 200)
    """
    paths = [*files, *baselines]
    _check(files, threads, value_range)
    rows = []
    for place, path in enumerate(paths):
        open_litert(path)
        rows.append({"path": str(path), "baseline": place >= len(files), **litert_contents(path)})
        if images is not None and place < len(files):
            check_classifier(rows[-1], images.class_names, path)
    times = {count: latencies(paths, threads=count) for count in threads}
    for place, row in enumerate(rows):
        row["latency"] = {count: _summary(measured[place], measured[0]) for count, measured in times.items()}
        row["peak_memory"] = peak_memory(row["path"])
        if images is not None:
            scored = not row["baseline"]
            row["accuracy"] = litert_accuracy(row["path"], images, value_range=value_range) if scored else None
            row["images"] = len(images) if scored else None
    return rows


def _check(files, threads, value_range) -> None:
    if isinstance(files, str) or not len(files):
        raise ValueError(f"`files` must be a list of at least one .tflite file. Received: {files!r}")
    if not len(threads) or any(not isinstance(count, int) or count < 1 for count in threads):
        raise ValueError(f"`threads` must be numbers from 1. Received: {threads}")
    if value_range is None or not value_range[0] < value_range[1]:
        raise ValueError(f"`value_range` must be two rising numbers. Received: {value_range}")


def _summary(times: np.ndarray, first: np.ndarray) -> dict:
    return {
        "median_ms": float(np.median(times)),
        "p95_ms": float(np.percentile(times, 95)),
        "ratio": float(np.median(times) / np.median(first)),
        "runs": len(times),
    }
