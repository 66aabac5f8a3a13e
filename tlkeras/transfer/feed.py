"""What each part of a run gives to `fit`."""

import sys

import keras

from tlkeras.transfer.epoch_batches import EpochBatches


class Feed:
    """Data from a given epoch on, and the arguments of `fit` with it.

    Arrays become `EpochBatches`; any other data set is passed on; a function is called with the first epoch, and the
    order of its batches is kept (`shuffle=False`).

    Args:
        x: Arrays, a data set, or a function from the first epoch to a data set.
        y: Labels, where `x` is arrays, or None.
        seed: Integer for the order of arrays.
        fit: `{argument of fit: value}`.

    Attributes:
        verbose: As in `fit`, `"auto"` being the bar on a terminal and a line an epoch elsewhere.

    Raises:
        ValueError: If an argument does not fit the data.

    Example:
        >>> data, arguments = Feed(np.ones((4, 2)), np.ones(4), 0, {"batch_size": 2}).from_epoch(0)
        >>> len(data), arguments["shuffle"]
        (2, False)
    """

    def __init__(self, x, y, seed, fit):
        self._fit = dict(fit)
        self.verbose = self._fit.pop("verbose", "auto")
        if self.verbose == "auto":
            self.verbose = 1 if sys.stdout.isatty() else 2  # the bar writes control characters into files
        self._callbacks = keras.tree.flatten(self._fit.pop("callbacks", None) or [])
        self._x = x
        if y is not None or all(hasattr(leaf, "shape") for leaf in keras.tree.flatten(x)):
            self._x = self._ordered(x, y, seed)
            self._callbacks.insert(0, self._x.follow())

    def _ordered(self, x, y, seed):
        if self._fit.get("steps_per_epoch") is not None:
            raise ValueError(
                "`steps_per_epoch` is for data sets: an epoch of arrays is one pass over them. "
                f"Received: steps_per_epoch={self._fit['steps_per_epoch']}"
            )
        weight = self._fit.pop("sample_weight", None)
        if y is None and weight is not None:
            raise ValueError("`sample_weight` needs labels `y` to weigh. Received: y=None")
        data = (x,) if y is None else (x, y) if weight is None else (x, y, weight)
        shuffle, size = self._fit.pop("shuffle", True), self._fit.pop("batch_size", None)
        size = 32 if size is None else size
        self._fit = {"validation_batch_size": size, **self._fit, "shuffle": False}
        return EpochBatches(data, batch_size=size, seed=seed if shuffle else None)

    def from_epoch(self, first, callbacks=()):
        """Returns `(data, arguments of fit)` for the epochs from `first` on.

        Args:
            first: Integer >= 0.
            callbacks: Callbacks to run after those of the caller.
        """
        data = self._x(first) if callable(self._x) else self._x
        # The function has settled the order; Keras would shuffle the batches of a `PyDataset` once more, and those that
        # are left of a killed run otherwise than all of them.
        order = {"shuffle": False} if callable(self._x) else {}
        return data, {**order, **self._fit, "callbacks": [*self._callbacks, *callbacks], "verbose": self.verbose}
