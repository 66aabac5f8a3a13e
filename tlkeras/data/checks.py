"""Checks of what the user feeds, in Python, before a compiled graph can hide a mistake."""

import numpy as np


def check_labels(labels, num_classes):
    """Raises unless labels are whole numbers in `0..num_classes - 1`, or shares of the classes.

    Args:
        labels: Array of labels `(rows,)`, or a map of them in each row, `(rows, height, width)`; or one-hot or soft
            labels `(rows, num_classes)`, each row with sum 1.
        num_classes: Integer >= 2.

    Raises:
        ValueError: Naming the offending values and the first row that holds one.
    """
    labels = finite_numbers(labels, "labels")
    if labels.ndim == 2 and labels.shape[1] > 1:
        if labels.shape[1] != num_classes:
            raise ValueError(
                f"One-hot labels must have `num_classes={num_classes}` columns. Received: {labels.shape[1]} columns"
            )
        wrong = np.flatnonzero((labels < 0).any(axis=1) | (np.abs(labels.sum(axis=1) - 1) > 1e-3))
        if wrong.size:
            raise ValueError(
                "One-hot labels must be >= 0 with sum 1 in each row, one class a row: for several labels a row use "
                "`tlkeras.surgery.multi_label` and no `num_classes`. "
                f"Received: {wrong.size} other rows, the first row {wrong[0]}: {labels[wrong[0]].tolist()[:10]}"
            )
        return
    broken = np.flatnonzero(labels.reshape(-1) != np.floor(labels.reshape(-1)))
    if broken.size:
        raise ValueError(
            "Labels must be whole numbers, the index of each row's class: for regression targets use "
            f"`tlkeras.surgery.regressor` and no `num_classes`. Received: {labels.reshape(-1)[broken[0]]} "
            f"in row {broken[0]}"
        )
    wrong = np.flatnonzero((labels < 0) | (labels >= num_classes))
    if wrong.size:
        values = np.unique(labels.reshape(-1)[wrong])[:5].tolist()
        raise ValueError(
            f"Labels must be in 0..{num_classes - 1} (`num_classes={num_classes}`). Received: {wrong.size} labels "
            f"outside, such as {values}, the first in row {np.unravel_index(wrong[0], labels.shape)[0]}"
        )


def check_multi_hot(labels, num_labels):
    """Raises unless labels say of each row and label whether it applies, or how likely.

    Args:
        labels: Array `(rows, num_labels)` of numbers in [0, 1].
        num_labels: Integer >= 1.

    Raises:
        ValueError: Naming the offending shape, or the first row with a number outside.

    Example:
        >>> check_multi_hot([[1, 0, 1], [0, 0, 0]], 3)
    """
    labels = finite_numbers(labels, "labels")
    if labels.ndim != 2 or labels.shape[1] != num_labels:
        raise ValueError(
            f"`labels` must have a column of 0 and 1 for each of the {num_labels} labels, (rows, {num_labels}). "
            f"Received: shape={labels.shape}"
        )
    wrong = np.flatnonzero(((labels < 0) | (labels > 1)).any(axis=1))
    if wrong.size:
        raise ValueError(
            "`labels` must be in [0, 1], 1 where a label applies. "
            f"Received: {wrong.size} other rows, the first row {wrong[0]}: {labels[wrong[0]].tolist()[:10]}"
        )


def check_values(targets, num_outputs=1):
    """Raises unless regression targets are finite numbers that differ.

    Args:
        targets: Array `(rows, num_outputs)`, or `(rows,)` for one output.
        num_outputs: Integer >= 1.

    Raises:
        ValueError: Naming the offending shape, row or column.

    Example:
        >>> check_values([0.5, -3.0])
    """
    targets = finite_numbers(targets, "targets")
    rows = targets[:, np.newaxis] if targets.ndim == 1 else targets
    if rows.ndim != 2 or rows.shape[1] != num_outputs or not len(rows):
        raise ValueError(
            f"`targets` must have a number for each row and each of the {num_outputs} outputs, (rows, {num_outputs}). "
            f"Received: shape={targets.shape}"
        )
    constant = np.flatnonzero(np.ptp(rows, axis=0) == 0)
    if constant.size:
        raise ValueError(
            "`targets` must differ between rows: nothing can be learned of a constant. "
            f"Received: {rows[0, constant[0]]} in all {len(rows)} rows"
            + (f" of column {constant[0]}" if rows.shape[1] > 1 else "")
        )


def finite_numbers(labels, argument: str) -> np.ndarray:
    """Returns labels as an array, or says which of them is no number.

    Args:
        labels: Array, or what can become one.
        argument: What to call it in the error.

    Raises:
        ValueError: If the array does not hold numbers, or holds NaN or infinity.
    """
    labels = np.asarray(labels)
    if labels.dtype.kind not in "biuf":
        sample = labels.reshape(-1)[:1].tolist()
        raise ValueError(
            f"`{argument}` must be numbers: turn names into indices, "
            f"`np.unique(names, return_inverse=True)`. Received: dtype={labels.dtype}, such as {str(sample)[1:-1]}"
        )
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        wrong = np.flatnonzero(~np.isfinite(labels).reshape(len(labels), -1).all(axis=1))
        raise ValueError(
            f"`{argument}` must be finite: leave out the rows without one. "
            f"Received: NaN or infinity in {len(wrong)} of {len(labels)} rows, the first row {wrong[0]}"
        )
    return labels


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


def checked_rows(rows, tensor, value_range, argument: str) -> np.ndarray:
    """Returns rows as a new array of a model's input type, or says what is wrong with them.

    Args:
        rows: Array `(n, *input_shape)`, `n >= 1`.
        tensor: The symbolic input of the model that will take them.
        value_range: The lowest and highest value of the model's input, or None to check for finite values only.
            Under (0, 255), floats that never exceed 1 are refused: they have been scaled already.
        argument: The name of the argument, for the error.

    Raises:
        ValueError: If shape, type or range is wrong, or there are no rows.
    """
    rows = np.asarray(rows)
    if rows.ndim == 0 or len(rows) == 0 or rows.shape[1:] != tuple(tensor.shape[1:]):
        raise ValueError(
            f"`{argument}` must have the shape (n >= 1, {str(tuple(tensor.shape[1:]))[1:-1]}). "
            f"Received: shape={rows.shape}"
        )
    if rows.dtype.kind not in "uif":
        raise ValueError(f"`{argument}` must be numbers. Received: dtype={rows.dtype}")
    low, high = float(rows.min()), float(rows.max())
    if not np.isfinite([low, high]).all():
        raise ValueError(f"`{argument}` must be finite. Received: minimum {low}, maximum {high}")
    if value_range is not None:
        scaled = tuple(value_range) == (0, 255) and rows.dtype.kind == "f" and high <= 1
        if low < value_range[0] or high > value_range[1] or scaled:
            raise ValueError(
                f"`{argument}` must be in the model's own range {tuple(value_range)}"
                f"{', not scaled to [0, 1]' if scaled else ''}; pass `value_range` if it takes another. "
                f"Received: minimum {low}, maximum {high}"
            )
    return rows.astype(tensor.dtype)
