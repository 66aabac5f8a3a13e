"""What a model costs on a device: its LiteRT file is written, and run."""

import tempfile
from pathlib import Path

import numpy as np

from tlkeras import export

COSTS = ("bytes", "latency")
RUNS = 30  # of one row each, whose median is the latency


def cost(model, against, value_range=(0, 255)) -> float:
    """Returns the bytes of the float32 LiteRT file of a model, or the milliseconds that one row takes on one thread.

    Args:
        model: The inference model.
        against: `"bytes"` or `"latency"`.
        value_range: As in `tlkeras.export.to_litert`.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = export.to_litert(model, Path(folder) / "model.tflite", value_range=value_range)
        if against == "bytes":
            return path.stat().st_size
        return export.latency_ms(path, np.zeros((1, *model.input_shape[1:]), "float32"), runs=RUNS)
