"""Samples and labels of a command line: arrays in `.npy` files, a folder of images, or a file of texts."""

import os
from pathlib import Path

import numpy as np

from tlkeras.data import image_folder, text_file, unlabelled_images
from tlkeras.export.column_encoding import read_inputs
from tlkeras.export.samples import single_input
from tlkeras.export.savedmodel import inference_model

FOLDERS = "folders"  # in the place of a file of labels: the class folders are the labels


def read_samples(path: str | os.PathLike, labels: str | None, model, encoding: dict | None = None) -> tuple:
    """Return samples and their labels, or None.

    Args:
        path: A `.npy` file of at least two samples in the model's own form, a folder of images, which are decoded
            at the size of the model's input, or a `.jsonl` or `.csv` file (or `.gz` of one) with a column `text`.
        labels: A `.npy` file of integers, "folders" for the class folders of `path` in their sorted order, or None.
        model: The model that takes the samples.
        encoding: Of a model on a table, what `table_encoding` returned: `path` is then a csv file, and the samples a
            dict of its columns.

    Raises:
        ValueError: If a file cannot be read or is of another kind, an image cannot be decoded, or there are fewer than
            two samples.

    Example:
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        >>> np.save("x.npy", np.zeros((5, 3)))
        >>> read_samples("x.npy", None, model)[0].shape
        (5, 3)
    """
    if Path(path).is_dir():
        return _images(path, labels, model)
    if encoding is not None:
        return _columns(path, labels, encoding)
    if labels == FOLDERS:
        raise ValueError(f'`labels` can be "{FOLDERS}" where `samples` is a folder of images. Received: {path}')
    of_texts = str(path).lower().removesuffix(".gz").endswith((".jsonl", ".csv"))
    samples = text_file(path, label=None).texts if of_texts else _array(path, "samples")
    if samples.ndim == 0 or len(samples) < 2:
        raise ValueError(f"`samples` must be one array of at least two samples. Received: {samples.shape} in {path}")
    return samples, None if labels is None else _array(labels, "labels")


def _images(directory, labels, model):
    shape = single_input(inference_model(model), named_outputs=True).shape[1:]
    if len(shape) != 3 or shape[2] not in (1, 3):
        raise ValueError(
            f"`samples` can be a folder of images where the model takes (height, width, 1 or 3). Received: {shape}"
        )
    read = image_folder if labels == FOLDERS else unlabelled_images
    try:
        images = read(directory, tuple(shape[:2]), channels=shape[2])
    except ValueError as error:
        raise ValueError(str(error).replace("`directory`", "`samples`")) from error
    if len(images) < 2:
        raise ValueError(f"`samples` must be at least two images. Received: {len(images)} in {directory}")
    if labels in (None, FOLDERS):
        return images[:], images.labels if labels else None
    return images[:], _array(labels, "labels")


def _columns(path, labels, encoding):
    if ".csv" not in Path(path).suffixes[-2:] or labels == FOLDERS:
        raise ValueError(
            "`samples` must be a csv file for a model on a table, and `labels` a file of integers. "
            f"Received: samples {path}, labels {labels}"
        )
    samples = read_inputs(path, encoding)
    if len(next(iter(samples.values()))) < 2:
        raise ValueError(f"`samples` must be at least two rows. Received: 1 in {path}")
    return samples, None if labels is None else _array(labels, "labels")


def _array(path, argument: str) -> np.ndarray:
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"`{argument}` cannot be read ({error}). Received: {path}") from error
    if not isinstance(found, np.ndarray):
        raise ValueError(f"`{argument}` must be one array, written by numpy.save. Received: {type(found).__name__}")
    return found
