"""Batches of images that are decoded one batch at a time."""

import keras
import numpy as np

from tlkeras.data.order import epoch_order


class ImageBatches(keras.utils.PyDataset):
    """The batches of `LabelledImages.batches`.

    Args:
        images: `LabelledImages`.
        batch_size: Rows in a batch; at most all.
        shuffle: Whether the order is a function of `(seed, epoch)` and the remainder dropped.
        seed: Integer.
        first_epoch: Epoch at which the order starts.

    Raises:
        ValueError: If there is no image, or `batch_size` is below 1.
    """

    def __init__(self, images, batch_size, *, shuffle, seed, first_epoch):
        super().__init__()
        if batch_size < 1 or not len(images):
            raise ValueError(
                "`batch_size` must be >= 1 and there must be an image. "
                f"Received: batch_size={batch_size}, {len(images)} images"
            )
        self.images, self.shuffle, self.seed, self.epoch = images, shuffle, seed, first_epoch
        self.batch_size = min(batch_size, len(images))
        self._order, self._complete = self.order(), False

    def order(self):
        """Returns the row indices of each batch of the current epoch."""
        if self.shuffle:
            [order] = epoch_order([len(self.images)], self.batch_size, len(self), self.seed, self.epoch)
            return order
        return [np.arange(len(self.images))[start:][: self.batch_size] for start in self._starts()]

    def __len__(self):
        """Returns the number of batches."""
        return len(self.images) // self.batch_size if self.shuffle else len(self._starts())

    def __getitem__(self, index):
        """Returns batch `index` of the current epoch."""
        self._complete = self._complete or index == len(self) - 1
        rows = self._order[index]
        return self.images[rows], self.images.labels[rows]

    def on_epoch_end(self):
        """Moves on to the order of the next epoch; Keras also calls it before the first, which then does not count."""
        if self._complete:
            self.epoch += 1
            self._order, self._complete = self.order(), False

    def _starts(self):
        return range(0, len(self.images), self.batch_size)
