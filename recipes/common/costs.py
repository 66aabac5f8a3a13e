"""What a model costs on a device: its LiteRT file is written, and run."""

import tempfile
from pathlib import Path

import numpy as np

from tlkeras import export

COSTS = ("bytes", "latency")
RUNS = 30  # of one image each, whose median is the latency


def cost(model, against) -> float:
    """Returns the bytes of the float32 LiteRT file of a model, or the milliseconds that one image takes on one thread.

    Args:
        model: The inference model, on images.
        against: `"bytes"` or `"latency"`.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = export.to_litert(model, Path(folder) / "model.tflite")
        if against == "bytes":
            return path.stat().st_size
        return export.latency_ms(path, np.zeros((1, *model.input_shape[1:]), "float32"), runs=RUNS)
