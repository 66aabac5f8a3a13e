"""Recordings that are read when they are asked for."""

import abc
import dataclasses
import functools
import hashlib
from pathlib import Path

import numpy as np

from tlkeras.data.labelled import LabelledRows
from tlkeras.data.sound import prepared, read_wav


@dataclasses.dataclass(frozen=True, eq=False)
class Waveforms(LabelledRows):
    """Recordings with class labels; `waveforms[rows]` reads those rows, float32 `(rows, samples)` in [-1, 1].

    Args:
        names: One name for each recording, used in errors.
        labels: int64 array `(rows,)`, indices into `class_names`; -1 where there is none.
        class_names: Names of the classes.
        digests: SHA-256 of each recording as it is stored.
        rate: Samples a second of what is read.
        seconds: Length of what is read.
        crop: `"centre"` or `"loudest"`, see `tlkeras.data.sound`.
    """

    rate: int
    seconds: float
    crop: str

    @abc.abstractmethod
    def recorded(self, row: int) -> tuple:
        """Returns `(samples, rate)` of one row as it was recorded, float32 `(samples, channels)`."""

    @property
    def count(self) -> int:
        """Samples of one row."""
        return round(self.rate * self.seconds)

    def __getitem__(self, rows):
        """Returns the samples of `rows`."""
        chosen = np.arange(len(self))[rows]
        if chosen.ndim == 0:
            return prepared(*self.recorded(int(chosen)), self.rate, self.count, self.crop)
        read = [prepared(*self.recorded(row), self.rate, self.count, self.crop) for row in chosen.tolist()]
        return np.stack(read) if read else np.zeros((0, self.count), "float32")

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the content and order of the recordings, rate, length and crop."""
        return hashlib.sha256(repr((self.digests, self.rate, self.seconds, self.crop)).encode()).hexdigest()


@dataclasses.dataclass(frozen=True, eq=False)
class WaveFiles(Waveforms):
    """The recordings of a folder or a list; `names` are the paths below `directory`.

    Args:
        directory: What the names stand below.
    """

    directory: Path = Path()

    def recorded(self, row):
        """Returns `(samples, rate)` of one file."""
        return read_wav((self.directory / self.names[row]).read_bytes())


@dataclasses.dataclass(frozen=True, eq=False)
class WaveArchive(Waveforms):
    """The recordings of an npz file, in memory; `names` are `file/row`.

    Args:
        samples: Array of all recordings end to end, as stored.
        spans: int64 array `(rows, 2)`, first and last sample of each.
        recorded_rate: Samples a second of `samples`.
    """

    samples: np.ndarray = None
    spans: np.ndarray = None
    recorded_rate: int = 0

    def recorded(self, row):
        """Returns `(samples, rate)` of one row."""
        first, last = self.spans[row]
        found = self.samples[first:last]
        scale = np.iinfo(found.dtype).max + 1.0 if found.dtype.kind == "i" else 1.0
        return (found / scale).astype("float32")[:, np.newaxis], self.recorded_rate

    def _replaced(self, chosen, **changes):
        return super()._replaced(chosen, spans=self.spans[chosen], **changes)
