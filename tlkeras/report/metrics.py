"""`metrics.json` and its kind: complete or absent, and readable by every JSON parser."""

import importlib.metadata
import json
import math
import os
import platform
import sys
from pathlib import Path

import keras
import numpy as np

from tlkeras.export.atomic import replacing_file


def write_json(path: str | os.PathLike, content: dict) -> Path:
    """Write a dict as JSON; the file appears complete or not at all.

    NumPy numbers and arrays, tuples and paths become plain JSON; NaN and infinity become null, which JSON has no
    number for.

    Args:
        path: The file; an older one is replaced, missing parents are made.
        content: Nested dicts and lists of plain values.

    Returns:
        The path.

    Raises:
        TypeError: If a value has no JSON form.
    """
    text = json.dumps(_plain(content), indent=2, allow_nan=False)
    with replacing_file(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    return Path(path)


def versions() -> dict[str, str]:
    """Return the versions that a result depends on; TensorFlow only where it was imported."""
    found = {
        "python": platform.python_version(),
        "tlkeras": importlib.metadata.version("tlkeras"),
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "numpy": np.__version__,
    }
    if "tensorflow" in sys.modules:
        found["tensorflow"] = sys.modules["tensorflow"].__version__
    return found


def _plain(value):
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
