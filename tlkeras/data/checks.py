"""Checks of what the user feeds, in Python, before a compiled graph can hide a mistake."""

import numpy as np


def check_labels(labels, num_classes):
    """Raises when integer labels lie outside `0..num_classes - 1`.

    Args:
        labels: Array of labels; one-hot labels `(rows, num_classes)` are checked for their width.
        num_classes: Integer >= 2.

    Raises:
        ValueError: Naming the offending values and the first row that holds one.
    """
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] > 1:
        if labels.shape[1] != num_classes:
            raise ValueError(
                f"One-hot labels must have `num_classes={num_classes}` columns. Received: {labels.shape[1]} columns"
            )
        return
    wrong = np.flatnonzero((labels < 0) | (labels >= num_classes))
    if wrong.size:
        values = np.unique(labels.reshape(-1)[wrong])[:5].tolist()
        raise ValueError(
            f"Labels must be in 0..{num_classes - 1} (`num_classes={num_classes}`). Received: {wrong.size} labels "
            f"outside, such as {values}, the first in row {wrong[0]}"
        )


def check_sizes(sizes, batch_size, steps):
    """Raises when a side holds less than one batch, or an epoch less than one step.

    Args:
        sizes: `{side: rows}`; a negative number of rows is an unknown one.
        batch_size: Rows of each side in a batch.
        steps: Steps an epoch, or None.

    Raises:
        ValueError: Naming the side.
    """
    if steps is not None and steps < 1:
        raise ValueError(f"`steps` must be at least 1, or None for one pass. Received: steps={steps}")
    for name, rows in sizes.items():
        if 0 <= rows < batch_size:
            raise ValueError(f"`{name}` must hold at least one batch of {batch_size} rows. Received: {rows} rows")


def check_value_range(images, value_range, name):
    """Raises when images were evidently scaled for another model.

    Only arrays of rank 4 are images; others pass.

    Args:
        images: A batch.
        value_range: `(0, 255)`, `(0, 1)` or None for no check.
        name: What to call the batch in the error.

    Raises:
        ValueError: If `value_range` is `(0, 255)` and float images hold nothing above 1, or it is `(0, 1)` and images
            hold something above 1.
    """
    images = np.asarray(images)
    if value_range is None or images.ndim != 4 or images.size == 0:
        return
    if tuple(value_range) not in ((0, 255), (0, 1)):
        raise ValueError(f"`value_range` must be (0, 255), (0, 1) or None. Received: value_range={value_range}")
    largest = images.max()
    if tuple(value_range) == (0, 255) and np.issubdtype(images.dtype, np.floating) and largest <= 1:
        raise ValueError(
            f"The {name} images look scaled to [0, 1], and models here scale 0-255 images inside: feed 0-255, or pass "
            f"`value_range=(0, 1)` for a model that takes [0, 1] (a bare HubLayer). Received: maximum {largest}"
        )
    if tuple(value_range) == (0, 1) and largest > 1:
        raise ValueError(
            f"The {name} images must be in [0, 1] for this model: divide them by 255, or build the model with "
            f"`tlkeras.backbones.from_hub`, which scales inside. Received: maximum {largest}"
        )
