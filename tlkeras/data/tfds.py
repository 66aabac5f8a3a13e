"""Images of a prepared TensorFlow Datasets (TFDS) data set."""

import dataclasses
import hashlib
import importlib.util

import numpy as np

from tlkeras.data.decode import check_look
from tlkeras.data.images import LabelledImages, checked_size


@dataclasses.dataclass(frozen=True, eq=False)
class TfdsImages(LabelledImages):
    """The images of `from_tfds`; `names` are `data set/split/row`.

    Args:
        files: The encoded images, in memory.
    """

    files: tuple = ()

    def encoded(self, row: int) -> bytes:
        """Returns the bytes of one image."""
        return self.files[row]

    def _replaced(self, chosen, **changes):
        return super()._replaced(chosen, files=tuple(self.files[row] for row in chosen), **changes)


def from_tfds(name, split, *, size, data_dir=None, fit="crop", channels=3):
    """Reads one split of an image classification set that TFDS has prepared on this machine; never downloads.

    The encoded images stay in memory (as many bytes as the files have) and are decoded by `tlkeras.data.decode` when
    they are asked for, as those of `image_folder` are.

    Args:
        name: Name in TFDS, such as `"tf_flowers"`, `"cats_vs_dogs:4.0.1"` or `"data_set/config"`.
        split: Such as `"train"` or `"train[:80%]"`.
        size: `(height, width)` of the images, such as `backbone.input_size`.
        data_dir: Folder of prepared data sets; by default TFDS' own, `$TFDS_DATA_DIR` or `~/tensorflow_datasets`.
        fit: `"crop"` or `"stretch"`, see `tlkeras.data.decode`.
        channels: 3 for RGB, 1 for grey.

    Returns:
        `TfdsImages`, used as an `ImageFolder` is.

    Raises:
        ValueError: If the data set is not prepared (the error has the command that prepares it), has no such split, or
            is not made of 8- or 16-bit images with one class label each.
        RuntimeError: If TensorFlow, which reads the files, is not installed.

    Example:
        >>> from_tfds("tf_flowers", "train", size=(224, 224), data_dir="empty")
        Traceback (most recent call last):
        ...
        ValueError: TFDS has not prepared `name` on this machine...
    """
    if importlib.util.find_spec("tensorflow") is None:
        raise RuntimeError(f"TFDS reads its files with TensorFlow, which is not installed. Received: name={name!r}")
    size = checked_size(size)
    check_look(fit, channels)
    import tensorflow_datasets as tfds  # documented lazy import: half a second

    builder = _prepared(name, data_dir)
    try:
        builder.info.splits[split]
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"`split` must be one of {sorted(builder.info.splits)}, or a slice of it. Received: split={split!r}"
        ) from error
    image, label = _keys(builder.info)
    rows = list(
        builder.as_dataset(split=split, shuffle_files=False, decoders={image: tfds.decode.SkipDecoding()})
        .map(lambda example: (example[image], example[label]))
        .as_numpy_iterator()
    )
    labels = np.array([label for _, label in rows], "int64")
    if not rows or labels.min() < 0:
        raise ValueError(
            "`split` must have rows, each with its label (TFDS marks hidden ones by -1). "
            f"Received: split={split!r} with {len(rows)} rows, {int((labels < 0).sum())} without a label"
        )
    files = tuple(file for file, _ in rows)
    return TfdsImages(
        names=tuple(f"{builder.info.full_name}/{split}/{row}" for row in range(len(rows))), labels=labels,
        class_names=tuple(builder.info.features[label].names),
        digests=tuple(hashlib.sha256(file).hexdigest() for file in files), size=size, fit=fit, channels=channels,
        files=files,
    )  # fmt: skip


def _prepared(name, data_dir):
    """Returns the builder of what is on the disk. `tfds.builder` would ask the network when nothing is."""
    from tensorflow_datasets.core import read_only_builder, registered  # documented lazy import: half a second

    try:
        return read_only_builder.builder_from_files(name, data_dir=data_dir)
    except registered.DatasetNotFoundError as error:
        where = "" if data_dir is None else f", data_dir={str(data_dir)!r}"
        call = f"tfds.builder({name!r}{where}).download_and_prepare()"
        raise ValueError(
            "TFDS has not prepared `name` on this machine, and nothing is downloaded here. Where there is a network, "
            f'run\n  python -c "import tensorflow_datasets as tfds; {call}"\nand then this again; the folder can be '
            f"copied to a machine without one. Received: name={name!r}, data_dir={data_dir!r}"
        ) from error


def _keys(info):
    """Returns the names of the image and the label in an example."""
    keys = info.supervised_keys or ("image", "label")
    features = dict(info.features)
    image, label = (features.get(key) if isinstance(key, str) else None for key in keys[:2])
    pixels = str(np.dtype(image.np_dtype)) if type(image).__name__ == "Image" else None
    if pixels not in ("uint8", "uint16") or type(label).__name__ != "ClassLabel":
        raise ValueError(
            "`name` must be a data set of 8- or 16-bit images with one class label each. "
            f"Received: {info.full_name} with {features}"
        )
    return keys[:2]
