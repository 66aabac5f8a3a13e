"""Batches of images that are augmented anew in every epoch."""

import keras

from tlkeras.cache.augmentation import Augmentation
from tlkeras.data.batches import ImageBatches


class AugmentedBatches(ImageBatches):
    """Batches whose images are augmented; what is drawn depends on seed, epoch and batch alone.

    Args:
        images: `tlkeras.data` images.
        batch_size: Rows in a batch.
        seed: Integer.
        first_epoch: Epoch at which the order starts.
    """

    def __init__(self, images, batch_size, *, seed, first_epoch):
        super().__init__(images, batch_size, shuffle=True, seed=seed, first_epoch=first_epoch)
        self._augment = Augmentation(augmentation(), copies=1)

    def __getitem__(self, index):
        """Returns batch `index` of the current epoch."""
        images, labels = super().__getitem__(index)
        return self._augment(images, (self.seed << 20) + self.epoch * len(self) + index), labels


def augmentation():
    """Returns what photographs stand without changing their class: a mirror, a little turn, a little zoom."""
    return keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal", seed=0),
            keras.layers.RandomRotation(0.05, seed=1),
            keras.layers.RandomZoom(0.1, seed=2),
        ]
    )
