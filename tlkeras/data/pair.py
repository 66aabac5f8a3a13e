"""A labelled source and an unlabelled target as one data set of views."""

import importlib.util

import keras
import numpy as np

from tlkeras.data.checks import check_labels, check_sizes, check_value_range
from tlkeras.data.images import LabelledImages
from tlkeras.data.order import epoch_order


def pair(source, target, *, batch_size=32, seed=0, num_classes=None, steps=None, first_epoch=0, value_range=(0, 255)):
    """Yields `({"source": xs, "target": xt}, {"source": ys})`, `batch_size` rows of each view a step.

    An epoch is one pass over the larger side; the smaller is reshuffled and repeated, and the remainder dropped. For
    arrays the order is a function of `(seed, epoch)` alone, so that a run resumed with `first_epoch` sees the batches
    that an uninterrupted one would have seen; an epoch counts as done when its last batch has been taken. Call
    `fit(..., shuffle=False)`: it shuffles the batches of a `PyDataset` once more, by a random state of its own.

    Args:
        source: `(inputs, labels)` arrays, a `tf.data.Dataset` of single examples `(input, label)`, or labelled images
            (`tlkeras.data.image_folder`), of which a batch is decoded when its turn comes.
        target: Array of inputs, a `tf.data.Dataset` of single inputs, or images (`tlkeras.data.unlabelled_images`).
        batch_size: Rows of each view in a batch.
        seed: Integer.
        num_classes: When given, labels outside `0..num_classes - 1` raise.
        steps: Steps an epoch; by default the larger side's rows divided by `batch_size`.
        first_epoch: Epoch at which the order starts, for resuming.
        value_range: What images (arrays of rank 4) must look like: `(0, 255)`, `(0, 1)`, or None for no check.

    Returns:
        A `tf.data.Dataset` where TensorFlow is installed and no side is a folder of images, else a
        `keras.utils.PyDataset` with the same batches.

    Raises:
        ValueError: If a side is empty or smaller than a batch, inputs and labels differ in length, labels are out of
            range, images look wrongly scaled, or the length of a `tf.data.Dataset` is unknown and `steps` not given.

    Example:
        >>> xs, ys, xt = np.zeros((8, 4)), np.zeros(8, int), np.ones((6, 4))
        >>> len(pair((xs, ys), xt, batch_size=2))
        4
    """
    has_tensorflow = importlib.util.find_spec("tensorflow") is not None
    if has_tensorflow:
        from tlkeras.data import tensorflow_pair  # documented lazy import: TensorFlow may be absent

        if tensorflow_pair.is_dataset(source) or tensorflow_pair.is_dataset(target):
            if first_epoch:
                raise ValueError(
                    "`first_epoch` needs arrays: the order of a tf.data.Dataset cannot be taken up again. "
                    f"Received: first_epoch={first_epoch}"
                )
            return tensorflow_pair.from_datasets(
                source, target, batch_size, seed, num_classes, steps, value_range=value_range
            )
    arrays = _checked_arrays(source, target, num_classes, value_range)
    batches = PairBatches(*arrays, batch_size=batch_size, seed=seed, steps=steps, first_epoch=first_epoch)
    decodes = isinstance(batches.inputs, LabelledImages) or isinstance(batches.target, LabelledImages)
    return tensorflow_pair.from_batches(batches) if has_tensorflow and not decodes else batches


class PairBatches(keras.utils.PyDataset):
    """The batches of `pair` from arrays, in NumPy.

    Args:
        inputs: Source inputs `(n, ...)`: an array, or images.
        labels: Source labels `(n,)` or `(n, classes)`.
        target: Target inputs `(m, ...)`: an array, or images.
        batch_size: Rows of each view in a batch.
        seed: Integer.
        steps: Steps an epoch, or None for one pass over the larger side.
        first_epoch: Epoch at which the order starts.
    """

    def __init__(self, inputs, labels, target, *, batch_size, seed, steps, first_epoch):
        super().__init__()
        check_sizes({"source": len(inputs), "target": len(target)}, batch_size, steps)
        self.inputs, self.labels, self.target = inputs, labels, target
        self.batch_size, self.seed, self.epoch = batch_size, seed, first_epoch
        self.steps = max(len(inputs), len(target)) // batch_size if steps is None else steps
        self._order, self._complete = self.order(), False

    def order(self):
        """Returns the row indices of the current epoch, source and target, each `(steps, batch_size)`."""
        sizes = [len(self.inputs), len(self.target)]
        return epoch_order(sizes, self.batch_size, self.steps, self.seed, self.epoch)

    def __len__(self):
        """Returns the steps an epoch."""
        return self.steps

    def __getitem__(self, index):
        """Returns batch `index` of the current epoch."""
        self._complete = self._complete or index == self.steps - 1
        source, target = self._order[0][index], self._order[1][index]
        return {"source": self.inputs[source], "target": self.target[target]}, {"source": self.labels[source]}

    def on_epoch_end(self):
        """Moves on to the order of the next epoch; Keras also calls it before the first, which then does not count."""
        if self._complete:
            self.epoch += 1
            self._order, self._complete = self.order(), False


def _checked_arrays(source, target, num_classes, value_range):
    source = (source, source.labels) if isinstance(source, LabelledImages) else source
    if not isinstance(source, tuple | list) or len(source) != 2:
        raise ValueError(f"`source` must be (inputs, labels) or a tf.data.Dataset. Received: {type(source).__name__}")
    inputs, labels, target = _rows("source", source[0]), np.asarray(source[1]), _rows("target", target)
    for name, rows in (("source", inputs), ("target", target)):
        check_value_range(rows[:64], value_range, name)
    if len(inputs) != len(labels):
        raise ValueError(
            f"`source` needs one label for each input. Received: {len(inputs)} inputs, {len(labels)} labels"
        )
    if num_classes is not None:
        check_labels(labels, num_classes)
    return inputs, labels, target


def _rows(name, side):
    if isinstance(side, LabelledImages) and len(side):
        return side
    rows = np.zeros(0) if isinstance(side, LabelledImages) else np.asarray(side)
    if rows.ndim == 0 or len(rows) == 0:
        raise ValueError(f"`{name}` is empty: give it at least one batch of rows. Received: shape={rows.shape}")
    return rows
