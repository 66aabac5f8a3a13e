"""Rows of any origin, in chunks that can be read again: by slice, or batch after batch."""

import abc
import functools
import hashlib
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np

from tlkeras.backbones.fingerprints import digest_rows

LARGEST_CHUNK = 64 * 2**20  # bytes of input; a kill loses at most one chunk of work
MOST_ROWS = 256


class Source(abc.ABC):
    """The rows of a data set in an order that stays.

    Args:
        data: What the rows are read from.
        name: Text that names the data, or None: the bytes of the rows are then hashed.
    """

    def __init__(self, data, name):
        self.data, self.name = data, name

    @abc.abstractmethod
    def chunks(self, wanted) -> Iterator:
        """Yields `(index, rows)` of the wanted chunks, or of all where `wanted` is None."""

    @functools.cached_property
    def fingerprint(self) -> str:
        """The name, or a SHA-256 over the chunks, in hexadecimal."""
        return self.name or hashlib.sha256(b"".join(self.digests)).hexdigest()

    @functools.cached_property
    def _survey(self) -> tuple:
        found = [(len(rows), digest_rows(rows)) for _, rows in self.chunks(None)]
        return tuple(size for size, _ in found), tuple(digest for _, digest in found)

    @property
    def sizes(self) -> tuple:
        """The number of rows of each chunk."""
        return self._survey[0]

    @property
    def digests(self) -> tuple:
        """The SHA-256 of each chunk."""
        return self._survey[1]

    def read(self, wanted: Iterable[int]) -> Iterator:
        """Yields `(index, rows)` of the wanted chunks.

        Raises:
            ValueError: If they are not the rows that were seen first.
        """
        for index, rows in self.chunks(wanted):
            if digest_rows(rows) != self.digests[index]:
                raise ValueError(
                    "`data` must give the same rows in the same order each time it is read: take shuffling and "
                    "augmentation out of it (for augmented rows there are `copies` and `augment`). "
                    f"Received: chunk {index} of {type(self.data).__name__} differs from its first reading"
                )
            yield index, rows


class SlicedSource(Source):
    """Anything with `len()` and slices: arrays, memory maps, image folders."""

    @functools.cached_property
    def _starts(self) -> list:
        width = max(1, np.asarray(self.data[:1]).nbytes)
        step = min(MOST_ROWS, max(1, LARGEST_CHUNK // width))
        return [*range(0, len(self.data), step), len(self.data)]

    @property
    def fingerprint(self) -> str:
        """As in `Source`; a name counts together with the number of rows, so that a part never passes for the whole."""
        return f"{len(self.data)} rows of {super().fingerprint}" if self.name else super().fingerprint

    @property
    def sizes(self) -> tuple:
        """The number of rows of each chunk."""
        return tuple(np.diff(self._starts).tolist())

    @functools.cached_property
    def digests(self) -> tuple:
        """The SHA-256 of each chunk; those of an array in one thread for each core."""
        if not isinstance(self.data, np.ndarray):
            return self._survey[1]
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            return tuple(threads.map(lambda index: digest_rows(self._chunk(index)), range(len(self.sizes))))

    def chunks(self, wanted) -> Iterator:
        """Yields `(index, rows)`."""
        for index in range(len(self.sizes)) if wanted is None else wanted:
            yield index, self._chunk(index)

    def read(self, wanted) -> Iterator:
        """Yields `(index, rows)`; rows that can be sliced have an order, so it is not checked."""
        return self.chunks(wanted)

    def _chunk(self, index):
        return np.asarray(self.data[self._starts[index] : self._starts[index + 1]])


class DatasetSource(Source):
    """A `keras.utils.PyDataset`; a chunk is a batch."""

    def chunks(self, wanted) -> Iterator:
        """Yields `(index, rows)`."""
        for index in range(len(self.data)) if wanted is None else wanted:
            yield index, rows_of(self.data[index])


class PipelineSource(Source):
    """A `tf.data` pipeline; a chunk is a batch, and to reach one the pipeline runs up to it."""

    def chunks(self, wanted) -> Iterator:
        """Yields `(index, rows)`."""
        wanted = None if wanted is None else sorted(wanted)
        first, last = (0, -1) if wanted is None else (wanted[0], wanted[-1])
        batches = self.data.skip(first).as_numpy_iterator()
        for index, batch in enumerate(batches, first):
            if wanted is None or index in wanted:
                yield index, rows_of(batch)
            if index == last:
                break


def rows_of(batch):
    """Returns the rows of a batch: the batch itself, or the first of `(rows, labels)`.

    Raises:
        ValueError: If they are not one array.
    """
    rows = batch[0] if isinstance(batch, tuple | list) else batch
    if isinstance(rows, dict | tuple | list):
        raise ValueError(f"`data` must yield rows or (rows, labels), one array of rows. Received: {type(rows)}")
    return np.asarray(rows)


def open_source(data, rank, name=None) -> Source:
    """Returns the rows of `data`.

    Args:
        data: As in `tlkeras.cache.features`.
        rank: Rank of a batch of rows.
        name: Text that names the data. By default the attribute `fingerprint` of `data`, where it has one.

    Raises:
        ValueError: If `data` is empty or endless.
        TypeError: If it is nothing that can be read twice.
    """
    own = getattr(data, "fingerprint", None)  # a tf.data pipeline has a method of that name, which knows no values
    name = name or (own if isinstance(own, str) else None)
    if hasattr(data, "element_spec"):
        _refuse_sizes(int(data.cardinality()), data)
        spec = keras.tree.flatten(data.element_spec)[0]
        unbatched = spec.shape.rank == rank - 1
        return PipelineSource(data.batch(MOST_ROWS) if unbatched else data, name)
    if isinstance(data, keras.utils.PyDataset):
        _refuse_sizes(-1 if data.num_batches is None else data.num_batches, data)
        return DatasetSource(data, name)
    if not hasattr(data, "__len__") or not hasattr(data, "__getitem__") or isinstance(data, str | bytes | dict):
        raise TypeError(
            "`data` must be an array, a tf.data pipeline, a keras.utils.PyDataset, or a sequence with len() and slices "
            f"(a generator can be read only once). Received: {type(data)}"
        )
    _refuse_sizes(len(data), data)
    return SlicedSource(data, name)


def _refuse_sizes(size, data):
    if size in (0, -1):
        found = "no rows" if size == 0 else "endless rows"
        raise ValueError(f"`data` must hold at least one row, and have an end. Received: {found} in {type(data)}")
