"""Checks that every validator shares."""

import numpy as np


def checked_matrix(matrix, name, *, rows=None, columns=None):
    """Returns the matrix as float64.

    Args:
        matrix: Array `(rows, columns)`.
        name: What to call it in the error.
        rows: How many rows it must have, or None.
        columns: How many columns it must have, or None.

    Raises:
        ValueError: If it is empty, of another shape, or not finite.
    """
    matrix = np.asarray(matrix, "float64")
    if matrix.ndim != 2 or not matrix.size:
        raise ValueError(f"`{name}` must be (rows, columns) with at least one row. Received: shape={matrix.shape}")
    if rows not in (None, len(matrix)) or columns not in (None, matrix.shape[1]):
        wanted = [f"{count} {kind}" for count, kind in ((rows, "rows"), (columns, "columns")) if count is not None]
        raise ValueError(f"`{name}` must have {' and '.join(wanted)}. Received: shape={matrix.shape}")
    wrong = np.flatnonzero(~np.isfinite(matrix).all(1))
    if wrong.size:
        raise ValueError(
            f"`{name}` must be finite; a training that diverged gives NaN. "
            f"Received: NaN or infinity in {wrong.size} of {len(matrix)} rows, first {wrong[0]}"
        )
    return matrix


def checked_logits(logits, name, *, rows=None):
    """Returns the logits as float64.

    Args:
        logits: Array `(rows, classes)`.
        name: What to call it in the error.
        rows: How many rows it must have, or None.

    Raises:
        ValueError: If it is empty, of another shape, not finite, or has fewer than two columns.
    """
    logits = checked_matrix(logits, name, rows=rows)
    if logits.shape[1] < 2:
        raise ValueError(f"`{name}` must have a column for each of two or more classes. Received: shape={logits.shape}")
    return logits


def checked_labels(labels, rows, classes):
    """Returns the labels as an array.

    Args:
        labels: Integers `(rows,)` in `0..classes - 1`.
        rows: How many there must be.
        classes: Number of classes.

    Raises:
        ValueError: If they are of another shape or type, or out of range.
    """
    labels = np.asarray(labels)
    if labels.shape != (rows,) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"`source_labels` must be integers, one for each of the {rows} rows. "
            f"Received: shape={labels.shape}, dtype={labels.dtype}"
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"`source_labels` must be in 0..{classes - 1}, as the logits have {classes} columns. "
            f"Received: labels from {labels.min()} to {labels.max()}"
        )
    return labels


def checked_values(values, labels):
    """Returns the values and labels of a regressor, both float64 `(rows, outputs)`.

    Args:
        values: Array `(rows, outputs)`.
        labels: Numbers `(rows,)` or `(rows, outputs)`.

    Raises:
        ValueError: If they are not finite numbers of one shape, or the labels of an output are all the same.
    """
    values = checked_matrix(values, "source_logits")
    labels = np.asarray(labels)
    if labels.dtype.kind not in "biuf" or labels.shape not in (values.shape, (len(values),)[: values.shape[1] == 1]):
        raise ValueError(
            f"`source_labels` must be numbers, one for each of the {len(values)} rows and {values.shape[1]} outputs. "
            f"Received: shape={labels.shape}, dtype={labels.dtype}"
        )
    labels = checked_matrix(labels.reshape(values.shape), "source_labels")
    if not labels.var(axis=0).all():
        raise ValueError(
            "`source_labels` must differ between rows: errors are measured by their deviation. "
            f"Received: {labels[0].tolist()[:5]} in all {len(labels)} rows"
        )
    return values, labels


def checked_multi_hot(logits, labels):
    """Returns logits and labels of several labels a row, both `(rows, labels)`.

    Args:
        logits: Array `(rows, labels)`.
        labels: 0 or 1 `(rows, labels)`.

    Raises:
        ValueError: If they are of different shapes, logits are not finite, or labels are neither 0 nor 1.
    """
    logits, labels = checked_matrix(logits, "source_logits"), np.asarray(labels)
    if labels.shape != logits.shape or not np.isin(labels, (0, 1)).all():
        raise ValueError(
            f"`source_labels` must be 0 or 1 for each of the {len(logits)} rows and {logits.shape[1]} labels. "
            f"Received: shape={labels.shape}, dtype={labels.dtype}"
        )
    return logits, labels
