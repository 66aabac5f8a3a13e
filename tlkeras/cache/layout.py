"""Where the chunks of a set of features lie in its `.npy` file, and which of them are good."""

import contextlib
import hashlib
import io
import json
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np


class Layout:
    """Where each chunk lies in the file.

    Args:
        sizes: Rows of each chunk.
        shape: Shape of one row.
        dtype: Name of the type.
        digests: `{index of a chunk: SHA-256}` of those that were written.

    Example:
        >>> Layout([2, 1], (5,), "float32").span(1)
        (168, 188)
    """

    def __init__(self, sizes, shape, dtype, digests=None):
        self.facts = {"sizes": list(sizes), "shape": list(shape), "dtype": str(np.dtype(dtype))}
        self.sizes, self.digests = list(sizes), digests or {}
        rows = io.BytesIO()
        about = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": (sum(sizes), *shape)}
        np.lib.format.write_array_header_1_0(rows, about)
        self.header = rows.getvalue()
        width = int(np.prod(shape)) * np.dtype(dtype).itemsize
        self._ends = len(self.header) + np.concatenate([[0], np.cumsum(sizes)]).astype(int) * width
        self.end = int(self._ends[-1])

    @classmethod
    def read(cls, record):
        """Returns the layout that a record tells, or None where there is no record or it is damaged."""
        try:
            first, *lines = record.read_text(encoding="utf-8", errors="replace").split("\n")
            facts = json.loads(first)
            return cls(**{name: facts[name] for name in ("sizes", "shape", "dtype")}, digests=_digests(lines))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def span(self, index) -> tuple:
        """Returns the first byte of a chunk and the one after its last."""
        return int(self._ends[index]), int(self._ends[index + 1])

    def kept(self, path) -> list:
        """Returns the indices of the chunks of a file whose bytes are those that were written."""
        if path.stat().st_size < len(self.header):
            return []
        content = np.memmap(path, "uint8", "r")
        if content[: len(self.header)].tobytes() != self.header:
            return []

        def is_good(index):
            start, end = self.span(index)
            return hashlib.sha256(content[start:end]).hexdigest() == self.digests.get(index)

        with ThreadPoolExecutor(os.cpu_count()) as threads:
            good = list(threads.map(is_good, range(len(self.sizes))))
        return [index for index, is_kept in enumerate(good) if is_kept]


def _digests(lines) -> dict:
    """Returns the last SHA-256 recorded of each chunk; a line torn by a kill tells nothing."""
    found = {}
    for line in lines:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            entry = json.loads(line)
            found[entry["chunk"]] = entry["sha256"]
    return found
