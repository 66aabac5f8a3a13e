"""Checks that every transferability score shares."""

import numpy as np


def checked_labels(labels, rows):
    """Returns the labels renumbered from 0, without classes that have no row.

    Args:
        labels: Integer labels `(rows,)`.
        rows: How many there must be.

    Raises:
        ValueError: If `labels` is of another shape or type, or has fewer than two classes.
    """
    labels = np.asarray(labels)
    if labels.shape != (rows,) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"`labels` must be integers, one for each of the {rows} rows. "
            f"Received: shape={labels.shape}, dtype={labels.dtype}"
        )
    classes, renumbered = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"`labels` must have at least two classes. Received: {classes.tolist()}")
    return renumbered


def checked_matrix(matrix, name):
    """Returns the matrix as float64.

    Args:
        matrix: Array `(rows, columns)`.
        name: What to call it in the error.

    Raises:
        ValueError: If it is empty, of another rank, or not finite.
    """
    matrix = np.asarray(matrix, "float64")
    if matrix.ndim != 2 or not matrix.size:
        raise ValueError(f"`{name}` must be of shape (rows, columns) and not empty. Received: shape={matrix.shape}")
    wrong = np.flatnonzero(~np.isfinite(matrix).all(1))
    if wrong.size:
        raise ValueError(f"`{name}` must be finite. Received: NaN or infinity in {wrong.size} rows, first {wrong[0]}")
    return matrix
