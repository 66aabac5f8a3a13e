"""Features on disk: one `.npy` file that appears whole, and a record of the chunks it was written in."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from tlkeras.cache.layout import Layout
from tlkeras.cache.progress import say

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Store:
    """The files of one set of features in a directory.

    `KEY.npy` is whole; while it is computed it is `KEY.npy.part`. `KEY.jsonl` holds the layout in its first line, then
    the SHA-256 of each chunk, written after the chunk itself: a process that is killed loses the chunk it was at. A
    chunk counts when its bytes give its SHA-256, so that neither a truncated nor an altered file passes.

    Args:
        directory: Where to write; made when it is missing.
        key: Name of the features.

    Raises:
        NotADirectoryError: If `directory` is a file.
    """

    def __init__(self, directory, key: str):
        self.directory = Path(directory)
        if self.directory.exists() and not self.directory.is_dir():
            raise NotADirectoryError(f"`directory` must be a folder. Received: {directory}, a file")
        self.directory.mkdir(parents=True, exist_ok=True)
        self.path, self.part, self.record = (self.directory / f"{key}{end}" for end in (".npy", ".npy.part", ".jsonl"))

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Lets one process at a time in. The system frees the lock of a process that was killed."""
        lock = FileLock(self.record.with_suffix(".lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            say(f"another process computes {self.path.name}: waiting for it")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def is_whole(self) -> bool:
        """Tells whether the file is there and every byte of it is what was written."""
        layout = Layout.read(self.record)
        if not self.path.exists() or layout is None:
            return False
        return self.path.stat().st_size == layout.end and len(layout.kept(self.path)) == len(layout.sizes)

    def open(self) -> np.memmap:
        """Returns the features, read-only and mapped into memory."""
        return np.load(self.path, mmap_mode="r")

    def begin(self, sizes, shape, dtype) -> list:
        """Prepares the file and returns the indices of the chunks that have to be computed.

        Args:
            sizes: Rows of each chunk.
            shape: Shape of one row.
            dtype: Name of the type.

        Raises:
            OSError: If the disk has no room for what is missing.
        """
        if self.path.exists():
            os.replace(self.path, self.part)
        layout, kept = Layout(sizes, shape, dtype), []
        if self.part.exists():
            known = Layout.read(self.record)
            kept = known.kept(self.part) if known and known.facts == layout.facts else []
            say(f"{self.path.name} is incomplete or damaged: {len(kept)} of {len(sizes)} chunks are good and stay")
        if not kept:
            self.part.unlink(missing_ok=True)
        self._layout = layout
        self._refuse_small_disk(layout)
        with self._room():
            if not kept:
                self.record.write_text(json.dumps(layout.facts) + "\n", encoding="utf-8")
            with open(self.record, "a", encoding="utf-8") as record:
                record.write("\n")  # ends a line that a kill may have torn
            _write(self.part, 0, layout.header)
        return sorted(set(range(len(sizes))) - set(kept))

    def write(self, index: int, rows: np.ndarray) -> None:
        """Writes one chunk, then its SHA-256.

        Raises:
            OSError: If the disk is full.
        """
        content = np.ascontiguousarray(rows, self._layout.facts["dtype"]).tobytes()
        with self._room():
            _write(self.part, self._layout.span(index)[0], content)
            with open(self.record, "a", encoding="utf-8") as record:
                record.write(json.dumps({"chunk": index, "sha256": hashlib.sha256(content).hexdigest()}) + "\n")

    def finish(self) -> None:
        """Gives the file its name."""
        with open(self.part, "r+b") as file:
            file.truncate(self._layout.end)
            os.fsync(file.fileno())
        os.replace(self.part, self.path)

    def _refuse_small_disk(self, layout) -> None:
        needed = layout.end - (self.part.stat().st_size if self.part.exists() else 0)
        free = shutil.disk_usage(self.directory).free
        if free < needed:
            raise OSError(
                errno.ENOSPC,
                f"`directory` must have room for {needed:,} more bytes of features: free some, or name another. "
                f"Received: {self.directory} with {free:,} bytes free",
            )

    @contextlib.contextmanager
    def _room(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in _FULL:
                raise
            missing = self._layout.end - self.part.stat().st_size if self.part.exists() else self._layout.end
            raise OSError(
                error.errno,
                f"`directory` has become full: make room for {missing:,} bytes and call again with the same arguments; "
                f"what was computed is kept. Received: {self.directory} ({error.strerror})",
            ) from error


def _write(path, start: int, content: bytes) -> None:
    # Unbuffered, and no memory map: a full disk must raise here, and a map would end the process with SIGBUS.
    with open(path, "r+b" if path.exists() else "w+b", buffering=0) as file:
        file.seek(start)
        rest = memoryview(content)
        while rest:
            rest = rest[file.write(rest) :]
