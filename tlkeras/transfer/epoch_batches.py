"""Batches of arrays in an order that is a function of the epoch."""

import keras
import numpy as np


class EpochBatches(keras.utils.PyDataset):
    """The batches of arrays, shuffled by `(seed, epoch)` alone, the last one smaller where the rows run out.

    Keras' own shuffling of arrays draws from global states, so that a resumed run would see other batches; with
    `keras.utils.set_random_seed`, TensorFlow even repeats one order in every epoch. Call `fit` with `shuffle=False` and
    `callbacks=[batches.follow()]`, which tells the epoch.

    Args:
        data: Tuple of structures of arrays with one number of rows: `(x,)`, `(x, y)` or `(x, y, sample_weight)`.
        batch_size: Rows of a batch.
        seed: Integer, or None for the order of the rows as they are.

    Raises:
        ValueError: If the arrays are empty or differ in rows, or `batch_size` is not positive.

    Example:
        >>> batches = EpochBatches((np.arange(5), np.arange(5)), batch_size=2, seed=0)
        >>> [len(batches[index][0]) for index in range(len(batches))]
        [2, 2, 1]
    """

    def __init__(self, data, *, batch_size, seed):
        super().__init__()
        self.data = keras.tree.map_structure(np.asarray, data)
        rows = {len(array) if array.ndim else 0 for array in keras.tree.flatten(self.data)}
        if len(rows) != 1 or 0 in rows:
            raise ValueError(f"Arrays to train on must have one number of rows, > 0. Received: {sorted(rows)} rows")
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(f"`batch_size` must be an integer >= 1. Received: batch_size={batch_size!r}")
        self.rows, self.batch_size, self.seed = rows.pop(), batch_size, seed
        self.set_epoch(0)

    def set_epoch(self, epoch) -> None:
        """Takes up the order of `epoch`."""
        self.order = np.arange(self.rows)
        if self.seed is not None:
            self.order = np.random.default_rng([self.seed, epoch]).permutation(self.rows)

    def follow(self):
        """Returns a callback that keeps the order in step with the epochs of `fit`."""
        return keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: self.set_epoch(epoch))

    def __len__(self):
        """Returns the batches of an epoch."""
        return -(-self.rows // self.batch_size)

    def __getitem__(self, index):
        """Returns batch `index` of the current epoch."""
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        return keras.tree.map_structure(lambda array: array[rows], self.data)
