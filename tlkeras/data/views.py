"""Augmented views of the batches, made in the pipeline."""

import inspect

import keras
import numpy as np

from tlkeras.data.checks import check_sizes
from tlkeras.data.labelled import LabelledRows
from tlkeras.data.order import epoch_order


def views(data, *, batch_size=32, seed=0, **augmenters):
    """Adds views to the batches, or augments those that are there: `views(batches, target=weak, target_strong=strong)`.

    A name that the batch has is augmented in place. A new name is made from the view before its first `_`, so
    `target_strong` from `target`, always from the rows as they were before any augmenter. Labels stay where they are:
    a new view has none.

    An augmenter is a Keras layer (`keras.layers.RandAugment`; several in a `keras.layers.Pipeline`), run as in
    training, or any function of a batch of inputs. In a `tf.data.Dataset` it is traced, so a function must be made of
    Keras or TensorFlow operations there; in a `keras.utils.PyDataset` it gets NumPy arrays. What is drawn comes from
    the augmenter: give the layers a `seed` and two runs have the same views. A resumed run draws anew.

    Args:
        data: A `tf.data.Dataset` or `keras.utils.PyDataset` of batches of views, what `tlkeras.data.pair` gives; or a
            dict of arrays or images by view, such as `{"target": xt}` where there is no source, whose rows belong
            together.
        batch_size: Rows of a batch, of a dict only; the remainder of an epoch is dropped.
        seed: Integer, the order of a dict's rows in every epoch.
        **augmenters: Layer or function by view.

    Returns:
        A `tf.data.Dataset` from one, else a `keras.utils.PyDataset`; pass `shuffle=False` to `fit`, as for `pair`.

    Raises:
        ValueError: If there is no view to make a new one from, or sides of a dict differ in length or are too short.
        TypeError: If `data` is none of these, or an augmenter cannot be called.

    Example:
        >>> batches = views({"target": np.ones((8, 4))}, batch_size=2, target_strong=lambda rows: 2 * rows)
        >>> len(batches), sorted(batches[0])
        (4, ['target', 'target_strong'])
    """
    for name, augment in augmenters.items():
        if not callable(augment):
            raise TypeError(f"`{name}` must be a Keras layer or a function of a batch. Received: {name}={augment!r}")
    if hasattr(data, "element_spec"):  # a tf.data.Dataset, told without TensorFlow
        return data.map(lambda *parts: _augmented_batch(parts, augmenters))
    if isinstance(data, dict):
        data = RowBatches(data, batch_size=batch_size, seed=seed)
    if not isinstance(data, keras.utils.PyDataset):
        raise TypeError(
            "`data` must be a tf.data.Dataset or a keras.utils.PyDataset of batches of views, or a dict of arrays by "
            f"view. Received: {type(data).__name__}"
        )
    return AugmentedBatches(data, augmenters)


class AugmentedBatches(keras.utils.PyDataset):
    """The batches of another data set with augmented views, in NumPy.

    Args:
        batches: `keras.utils.PyDataset` of `views` or `(views, labels, ...)`.
        augmenters: `{view: layer or function}`.
    """

    def __init__(self, batches, augmenters):
        super().__init__(batches.workers, batches.use_multiprocessing, batches.max_queue_size)
        self.batches, self.augmenters = batches, augmenters

    @property
    def num_batches(self):
        """Returns the steps an epoch, or None without an end."""
        return self.batches.num_batches

    def __len__(self):
        """Returns the steps an epoch."""
        return len(self.batches)

    def __getitem__(self, index):
        """Returns batch `index`."""
        batch = self.batches[index]
        made = _augmented_batch(batch if isinstance(batch, tuple) else (batch,), self.augmenters)
        return keras.tree.map_structure(keras.ops.convert_to_numpy, made)

    def on_epoch_begin(self):
        """Tells the other data set."""
        self.batches.on_epoch_begin()

    def on_epoch_end(self):
        """Tells the other data set."""
        self.batches.on_epoch_end()


class RowBatches(keras.utils.PyDataset):
    """Batches of views of the same rows, without labels; the order is a function of (seed, epoch).

    Args:
        sides: `{view: array or images}`, all of one length.
        batch_size: Rows of a batch.
        seed: Integer.
    """

    def __init__(self, sides, *, batch_size, seed):
        super().__init__()
        images = {view: isinstance(side, LabelledRows) for view, side in sides.items()}
        self.sides = {view: side if images[view] else np.asarray(side) for view, side in sides.items()}
        sizes = {view: len(side) for view, side in self.sides.items()}
        if len(set(sizes.values())) != 1:
            raise ValueError(
                "A dict of arrays needs as many rows in each view; `tlkeras.data.pair` joins domains of different "
                f"lengths. Received: {sizes}"
            )
        check_sizes(sizes, batch_size, None)
        self.rows, self.batch_size, self.seed, self.epoch = next(iter(sizes.values())), batch_size, seed, 0
        self._complete = False

    def __len__(self):
        """Returns the steps an epoch."""
        return self.rows // self.batch_size

    def __getitem__(self, index):
        """Returns batch `index` of the current epoch."""
        self._complete = self._complete or index == len(self) - 1
        (order,) = epoch_order([self.rows], self.batch_size, len(self), self.seed, self.epoch)
        return {view: side[order[index]] for view, side in self.sides.items()}

    def on_epoch_end(self):
        """Moves on to the next epoch; Keras also calls it before the first, which then does not count."""
        if self._complete:
            self.epoch, self._complete = self.epoch + 1, False


def _augmented_batch(parts, augmenters):
    old, *rest = parts
    made = {name: _run(augment, _origin(name, old)) for name, augment in augmenters.items()}
    return ({**old, **made}, *rest) if rest else {**old, **made}


def _origin(name, old):
    origin = name if name in old else name.split("_")[0]
    if origin not in old:
        raise ValueError(
            "A view is augmented in place, or made from the view before its first `_`, which the batch lacks: "
            f"`{origin}`. Received: {name}=..., views {sorted(old)}"
        )
    return old[origin]


def _run(augment, rows):
    is_layer = isinstance(augment, keras.layers.Layer)
    training = {"training": True} if is_layer and "training" in inspect.signature(augment.call).parameters else {}
    return augment(rows, **training)
