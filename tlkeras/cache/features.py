"""Features of a frozen part, computed once."""

import hashlib
from pathlib import Path

import keras
import numpy as np

from tlkeras.backbones.fingerprints import digest_layer
from tlkeras.cache.augmentation import Augmentation
from tlkeras.cache.passes import SAMPLE, choose_pass
from tlkeras.cache.progress import Progress, say
from tlkeras.cache.source import open_source
from tlkeras.cache.store import Store
from tlkeras.data.checks import check_value_range

_VERSION = "1"  # changes when equal arguments shall no longer find what an older version wrote
_AUGMENTING = keras.layers.RandomFlip.__bases__[0]  # the base of Keras' image layers has no public name


def features(model, data, *, directory, copies=None, augment=None, fingerprint=None) -> np.memmap:
    """Returns the output of a frozen model on every row of `data`, computed once and then read from disk.

    The file is named after the SHA-256 of the model (config and weights as they are now), the rows and the
    augmentation: another seed, trial or process that asks for the same finds it, and whatever changes makes a new
    file. It appears whole. A pass that was killed goes on where it stopped, chunks that were truncated or altered are
    computed again, and of two processes one computes while the other waits. What happens is printed to stderr.

    On a CPU with the TensorFlow backend the model runs through LiteRT float32, where that pays and gives the same
    features on a sample (see `tlkeras.cache.passes`); otherwise as Keras runs it. Both run in inference mode.

    Args:
        model: Functional model with one input and one output: a backbone, or the frozen part of
            `tlkeras.surgery.split(model, depth)`. A head trained on these features then is the rest of that model.
        data: Rows as the model takes them: an array or memory map, `tlkeras.data.image_folder(...)`, anything else
            with `len()` and slices, a `keras.utils.PyDataset` or a tf.data pipeline that yields rows or
            `(rows, labels)` in a fixed order. Labels are not cached: `np.concatenate([y for _, y in data])`.
        directory: Folder of the cache.
        copies: Number of augmented copies. The features of copy 0 of all rows come first, then copy 1, and so on:
            the labels are `np.tile(labels, copies)`.
        augment: What augments: a Keras layer, or a function of `(rows, seed)` with a `fingerprint`.
        fingerprint: Text that names the data. By default `data.fingerprint` or the SHA-256 of all rows, for which
            they are read (a dataset is decoded once more).

    Returns:
        Read-only `np.memmap` `(copies * rows, *output_shape)`; floating features are float32.

    Raises:
        ValueError: If the model has several inputs or outputs, or is random or augments; if the rows do not fit it,
            change from one reading to the next, or give features that are not finite; if only one of `copies` and
            `augment` is given.
        OSError: If the disk has no room.

    Example:
        >>> inputs = keras.Input((4,))
        >>> frozen = keras.Model(inputs, keras.layers.Dense(2)(inputs))
        >>> tlkeras.cache.features(frozen, np.ones((3, 4)), directory="features").shape
        (3, 2)
    """
    _check_model(model)
    model = keras.Model(model.inputs[0], model.outputs[0])  # whatever class, name and structure the caller's has
    augmentation = Augmentation(augment, copies)
    source = open_source(data, len(model.inputs[0].shape), fingerprint)
    model_key = digest_layer(model)
    parts = (_VERSION, model_key, source.fingerprint, augmentation.fingerprint, str(augmentation.copies))
    store = Store(directory, hashlib.sha256(repr(parts).encode()).hexdigest()[:32])
    if store.is_whole():
        say(f"found in {store.path}")
        return store.open()
    with store.lock():
        if not store.is_whole():
            _compute(model, source, augmentation, store, Path(directory) / f"{model_key[:32]}.tflite")
    return store.open()


def _compute(model, source, augmentation, store, file):
    sizes = source.sizes * augmentation.copies
    _, rows = next(source.chunks([0]))
    _check_rows(rows, model)
    shape, dtype = model.outputs[0].shape[1:], model.outputs[0].dtype
    if None in shape:
        raise ValueError(f"`model` must have an output of fixed shape, the batch axis aside. Received: {shape}")
    missing = store.begin(sizes, shape, "float32" if "float" in dtype else dtype)
    left = sum(sizes[number] for number in missing)
    if missing:
        run = choose_pass(model, rows[:SAMPLE], left, file)
    progress = Progress(sum(sizes), sum(sizes) - left)
    for copy in range(augmentation.copies):
        first = copy * len(source.sizes)
        wanted = [number - first for number in missing if first <= number < first + len(source.sizes)]
        for index, rows in source.read(wanted) if wanted else ():
            start = sum(source.sizes[:index])
            taken = _finite(augmentation(rows, first + index), start)  # on some processors a ReLU makes 0 of NaN
            store.write(first + index, _finite(run(taken), start))
            progress.advance(len(rows))
    store.finish()


def _check_model(model):
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    if not isinstance(model, keras.Model) or not inputs or not outputs or len(inputs) != 1 or len(outputs) != 1:
        raise ValueError(
            "`model` must be a functional or built Sequential model with one input and one output; of several outputs "
            "cache one after the other, `keras.Model(model.input, model.outputs[0])`. "
            f"Received: {getattr(model, 'name', model)!r} with inputs={inputs}, outputs={outputs}"
        )
    random = [
        layer.name
        for layer in model._flatten_layers()
        if isinstance(layer, _AUGMENTING) and any(v.path.endswith("seed_generator_state") for v in layer.variables)
    ]
    if random:
        raise ValueError(
            "`model` must not augment: what is computed once is drawn once, and inference mode leaves it out. Take the "
            f"layers out and pass them as `augment`, with `copies`. Received: layers {random} in {model.name!r}"
        )


def _check_rows(rows, model):
    tensor = model.inputs[0]
    fits = rows.ndim == len(tensor.shape) and all(
        want in (None, have) for want, have in zip(tensor.shape[1:], rows.shape[1:], strict=True)
    )
    if not fits:
        raise ValueError(
            f"`data` must hold rows of the shape that the model takes, {tuple(tensor.shape[1:])} (files: read them "
            f"with `tlkeras.data.image_folder`). Received: shape {rows.shape}, dtype {rows.dtype}"
        )
    if tensor.dtype != "string" and rows.dtype.kind not in "uifb":
        raise ValueError(f"`data` must hold numbers. Received: dtype {rows.dtype}")
    if any(layer.name == "scaling" for layer in model.layers):  # a backbone's own, or the lower part of one
        check_value_range(rows, (0, 255), "cached")


def _finite(found, first_row):
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        row = int(np.flatnonzero(~np.isfinite(found.reshape(len(found), -1)).all(axis=1))[0])
        raise ValueError(
            "Features must be finite: look for NaN in the rows or in the weights. "
            f"Received: not finite, first in row {first_row + row} of `data`"
        )
    return found
