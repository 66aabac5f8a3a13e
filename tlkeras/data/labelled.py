"""Labelled rows of any kind that are read when they are asked for."""

import abc
import dataclasses

import numpy as np

from tlkeras.data.batches import ImageBatches
from tlkeras.data.splits import stratified_split


@dataclasses.dataclass(frozen=True, eq=False)
class LabelledRows(abc.ABC):
    """Rows with class labels; `rows[indices]` reads those.

    Args:
        names: One name for each row, used in errors.
        labels: int64 array `(rows,)`, indices into `class_names`; -1 where there is none.
        class_names: Names of the classes.
        digests: SHA-256 of the encoded content of each row.
    """

    names: tuple
    labels: np.ndarray
    class_names: tuple
    digests: tuple

    def __len__(self):
        """Returns the number of rows."""
        return len(self.names)

    @abc.abstractmethod
    def __getitem__(self, rows):
        """Returns an array of `rows`, a slice or an array of indices or of booleans; of an integer, one of them."""

    @property
    @abc.abstractmethod
    def fingerprint(self) -> str:
        """SHA-256 over the content and order of the rows and all that changes them: equal means equal arrays."""

    @property
    def counts(self) -> dict:
        """`{class name: number of rows}`, in the order of `class_names`."""
        counts = np.bincount(self.labels[self.labels >= 0], minlength=len(self.class_names))
        return dict(zip(self.class_names, counts.tolist(), strict=True))

    def subset(self, rows):
        """Returns the same kind of object with the given rows only; the classes stay, also those left empty."""
        chosen = np.arange(len(self))[rows].tolist()
        return self._replaced(chosen, labels=self.labels[chosen])

    def split(self, fractions, seed=0):
        """Returns one object for each fraction; see `tlkeras.data.stratified_split`."""
        parts = stratified_split(self.labels, fractions, seed, class_names=self.class_names)
        return tuple(self.subset(rows) for rows in parts)

    def batches(self, batch_size=32, *, shuffle=True, seed=0, first_epoch=0):
        """Returns a `keras.utils.PyDataset` of `(rows, labels)` that reads one batch at a time.

        Args:
            batch_size: Rows in a batch.
            shuffle: True for training: the order is a function of `(seed, epoch)` and the remainder of an epoch is
                dropped (fewer rows than a batch make one smaller batch). Call `fit(..., shuffle=False)`: it shuffles
                the batches once more, by a random state of its own. False: every row, in order.
            seed: Integer.
            first_epoch: Epoch at which the order starts, for resuming.
        """
        return ImageBatches(self, batch_size, shuffle=shuffle, seed=seed, first_epoch=first_epoch)

    def _replaced(self, chosen, **changes):
        names, digests = (tuple(values[row] for row in chosen) for values in (self.names, self.digests))
        return dataclasses.replace(self, names=names, digests=digests, **changes)
