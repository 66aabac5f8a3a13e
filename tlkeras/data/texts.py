"""Texts as an array that TensorFlow takes."""

import numpy as np


def text_array(rows, name):
    """Returns rows as an array; texts as one of objects, in which none has the room of the longest.

    Args:
        rows: Array, list or anything else that NumPy takes; texts are `str` or `bytes`.
        name: What to call them in the error.

    Raises:
        ValueError: If some of the rows are texts and some are not, as where a table has gaps.

    Example:
        >>> text_array(["good", "not so good"], "target").dtype
        dtype('O')
    """
    listed = isinstance(rows, list | tuple) and any(isinstance(row, str | bytes) for row in rows)
    array = np.empty(len(rows), object) if listed else np.asarray(rows)
    if listed:
        array[:] = rows
    if array.dtype.kind == "T":
        array = array.astype(object)
    if array.dtype.kind != "O":
        return array
    wrong = next((index for index, row in enumerate(array.flat) if not isinstance(row, str | bytes)), None)
    if wrong is not None:
        raise ValueError(
            f"`{name}` must hold numbers, or texts alone. Received: {array.flat[wrong]!r} in row {wrong}"
        )
    return array
