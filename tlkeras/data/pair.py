"""Labelled sources and an unlabelled target as one data set of views."""

import importlib.util
import re

import keras
import numpy as np

from tlkeras.data.checks import check_labels, check_sizes, check_value_range, finite_numbers
from tlkeras.data.labelled import LabelledRows
from tlkeras.data.order import epoch_order
from tlkeras.data.rows import as_rows, check_inputs, fed, row_count, take_rows
from tlkeras.data.text_file import TextFile
from tlkeras.data.texts import text_array


def pair(source, target, *, batch_size=32, seed=0, num_classes=None, steps=None, first_epoch=0, value_range=(0, 255)):
    """Yields `({"source": xs, "target": xt}, {"source": ys})`, `batch_size` rows of each view a step.

    An epoch is one pass over the largest side; a smaller one is reshuffled and repeated, and the remainder dropped. For
    arrays the order is a function of `(seed, epoch)` alone, so that a run resumed with `first_epoch` sees the batches
    that an uninterrupted one would have seen; an epoch counts as done when its last batch has been taken. Call
    `fit(..., shuffle=False)`: it shuffles the batches of a `PyDataset` once more, by a random state of its own.
    Under `tf.distribute`, `batch_size` is that of all replicas together, and Keras opens the data once before it trains
    and reads some batches ahead: where an epoch has fewer than 6, the first order may be that of a later epoch.

    Args:
        source: `(inputs, labels)` arrays, a `tf.data.Dataset` of single examples `(input, label)`, or labelled images
            (`tlkeras.data.image_folder`), of which a batch is decoded when its turn comes, or labelled texts
            (`tlkeras.data.text_file`). Several sources are a dict of such by view,
            `{"source": first, "source_2": second}`: named `source`, or `source_` and a word. Labels are `(rows,)` or
            `(rows, width)`: classes, labels of 0 and 1 (`check_multi_hot`) or values (`check_values`); maps of
            classes; or a dict of such, `{output: labels}`, where NaN may stand for a label that is missing.
        target: Array of inputs, a `tf.data.Dataset` of single inputs, images (`tlkeras.data.unlabelled_images`), or
            texts (`tlkeras.data.text_file(path, label=None)`). Of a model with several inputs, inputs are a dict.
        batch_size: Rows of each view in a batch.
        seed: Integer.
        num_classes: When given, labels outside `0..num_classes - 1` raise, and so do values and several labels a row.
        steps: Steps an epoch; by default the largest side's rows divided by `batch_size`.
        first_epoch: Epoch at which the order starts, for resuming.
        value_range: What images (arrays of rank 4) must look like: `(0, 255)`, `(0, 1)`, or None for no check.

    Returns:
        A `tf.data.Dataset` where TensorFlow is installed and no side is a folder of images, else a
        `keras.utils.PyDataset` with the same batches.

    Raises:
        ValueError: If a source is not named as one, a side is empty or smaller than a batch, inputs and labels differ
            in length, labels are not finite numbers or out of range, images look wrongly scaled, or the length of a
            `tf.data.Dataset` is unknown and `steps` not given.

    Example:
        >>> xs, ys, xt = np.zeros((8, 4)), np.zeros(8, int), np.ones((6, 4))
        >>> len(pair((xs, ys), xt, batch_size=2))
        4
    """
    sources = _by_view(source)
    has_tensorflow = importlib.util.find_spec("tensorflow") is not None
    if has_tensorflow:
        from tlkeras.data import tensorflow_pair  # documented lazy import: TensorFlow may be absent

        if any(tensorflow_pair.is_dataset(side) for side in (*sources.values(), target)):
            if first_epoch:
                raise ValueError(
                    "`first_epoch` needs arrays: the order of a tf.data.Dataset cannot be taken up again. "
                    f"Received: first_epoch={first_epoch}"
                )
            return tensorflow_pair.from_datasets(
                sources, target, batch_size, seed, num_classes, steps, value_range=value_range
            )
    labelled = {view: _labelled(view, side, num_classes, value_range) for view, side in sources.items()}
    target = _rows("target", target, value_range)
    batches = PairBatches(labelled, target, batch_size=batch_size, seed=seed, steps=steps, first_epoch=first_epoch)
    decodes = any(isinstance(rows, LabelledRows) for rows in (target, *(inputs for inputs, _ in labelled.values())))
    return tensorflow_pair.from_batches(batches) if has_tensorflow and not decodes else batches


class PairBatches(keras.utils.PyDataset):
    """The batches of `pair` from arrays, in NumPy.

    Args:
        sources: `{view: (inputs, labels)}`: inputs `(n, ...)`, an array or images; labels `(n, ...)`, or a dict of
            such.
        target: Target inputs `(m, ...)`: an array, or images.
        batch_size: Rows of each view in a batch.
        seed: Integer.
        steps: Steps an epoch, or None for one pass over the largest side.
        first_epoch: Epoch at which the order starts.
    """

    def __init__(self, sources, target, *, batch_size, seed, steps, first_epoch):
        super().__init__()
        sizes = {view: row_count(inputs) for view, (inputs, _) in sources.items()} | {"target": row_count(target)}
        check_sizes(sizes, batch_size, steps)
        self.sources, self.target = sources, target
        self.batch_size, self.seed, self.epoch = batch_size, seed, first_epoch
        self.steps = max(sizes.values()) // batch_size if steps is None else steps
        self._order, self._complete = self.order(), False

    def order(self):
        """Returns the row indices of the current epoch: first source, target, others, each `(steps, batch_size)`."""
        first, *others = (row_count(inputs) for inputs, _ in self.sources.values())
        return epoch_order([first, row_count(self.target), *others], self.batch_size, self.steps, self.seed, self.epoch)

    def __len__(self):
        """Returns the steps an epoch."""
        return self.steps

    def __getitem__(self, index):
        """Returns batch `index` of the current epoch."""
        self._complete = self._complete or index == self.steps - 1
        first, target, *others = (rows[index] for rows in self._order)
        chosen = dict(zip(self.sources, (first, *others), strict=True))
        views = {view: fed(take_rows(inputs, chosen[view])) for view, (inputs, _) in self.sources.items()}
        labels = {view: take_rows(answers, chosen[view]) for view, (_, answers) in self.sources.items()}
        return {**views, "target": fed(take_rows(self.target, target))}, labels

    def on_epoch_end(self):
        """Moves on to the order of the next epoch; Keras also calls it before the first, which then does not count."""
        if self._complete:
            self.epoch += 1
            self._order, self._complete = self.order(), False


def _by_view(source):
    if not isinstance(source, dict):
        return {"source": source}
    wrong = [name for name in source if not re.fullmatch(r"source(_\w+)?", str(name))]
    if wrong or not source:
        raise ValueError(
            "Several sources must be a dict by view, each named `source`, or `source_` and a word. "
            f"Received: source={list(source)}"
        )
    return source


def _labelled(view, source, num_classes, value_range):
    source = (source, source.labels) if isinstance(source, LabelledRows | TextFile) else source
    if not isinstance(source, tuple | list) or len(source) != 2:
        raise ValueError(f"`{view}` must be (inputs, labels) or a tf.data.Dataset. Received: {type(source).__name__}")
    if source[1] is None:
        raise ValueError(f"`{view}` needs labels: name their column in `text_file(label=...)`. Received: labels None")
    inputs, labels = _rows(view, source[0], value_range), _numbers(source[1], f"{view} labels")
    counts = {len(values) for values in (labels.values() if isinstance(labels, dict) else [labels])}
    if counts != {row_count(inputs)}:
        raise ValueError(
            f"`{view}` needs one label for each input. "
            f"Received: {row_count(inputs)} inputs, {' and '.join(map(str, sorted(counts)))} labels"
        )
    if num_classes is not None:
        if isinstance(labels, dict):
            raise ValueError(
                "`num_classes` holds for labels of one output: leave it out, and check each by "
                f"`tlkeras.data.check_labels`. Received: num_classes={num_classes}, labels of {sorted(labels)}"
            )
        check_labels(labels, num_classes)
    return inputs, labels


def _numbers(labels, argument):
    if isinstance(labels, dict):  # a row may have labels of some outputs only
        return {name: np.asarray(values) for name, values in labels.items()}
    return finite_numbers(labels, argument)


def _rows(view, side, value_range):
    if isinstance(side, dict) and side:
        check_inputs(view, side)
        return as_rows(side)
    images = isinstance(side, LabelledRows)
    rows = side if images and len(side) else np.zeros(0) if images else text_array(side, view)
    if (not images and rows.ndim == 0) or len(rows) == 0:
        raise ValueError(f"`{view}` is empty: give it at least one batch of rows. Received: shape={rows.shape}")
    check_value_range(rows[:64], value_range, view)
    return rows
