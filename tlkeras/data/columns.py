"""Cells of a table as one array a column: numbers, integer codes or strings."""

import re

import numpy as np

KINDS = ("float", "integer", "string")
MISSING = frozenset(("", "?", "n/a", "na", "nan", "none", "null"))  # in a column of numbers, in any case
MISSING_INTEGER = -(2**31)  # a code that no table has; a missing string is the empty one
LARGEST = float(np.finfo("float32").max)


def cells_of(values, name: str):
    """Returns a column that is not from a file: float64 `(rows,)` of numbers, else a list of text.

    Args:
        values: Array, list or pandas Series of numbers or of strings; None, NaN and NA are missing.
        name: Of the column, for the error.

    Raises:
        ValueError: If it is not one value a row.
    """
    array = np.asarray(values)
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if array.ndim != 1:
        raise ValueError(f"Column `{name}` must hold one value a row, (rows,). Received: shape={array.shape}")
    if array.dtype.kind in "biuf":
        return array.astype("float64")
    return [_as_text(value) for value in array.tolist()]


def kind_of(cells, name: str, place) -> str:
    """Returns the kind of a column: `float` where every cell that is not missing is a number, else `string`.

    Args:
        cells: What `cells_of` returned.
        name: Of the column, for the error.
        place: Function of a row's index that says where it is.

    Raises:
        ValueError: If most cells are numbers and some are not.
    """
    if isinstance(cells, np.ndarray):
        return "float"
    known = [index for index, cell in enumerate(cells) if cell.lower() not in MISSING]
    wrong = [index for index in known if _number(cells[index]) is None]
    if wrong and 2 * len(wrong) < len(known):
        raise ValueError(
            f"Column `{name}` is numbers in {len(known) - len(wrong)} of {len(known)} rows: mend the others, or say "
            f'`types={{{name!r}: "string"}}`. Received: {_shown(cells[wrong[0]])} in {place(wrong[0])}'
        )
    return "string" if wrong else "float"


def parsed(cells, kind: str, name: str, place) -> np.ndarray:
    """Returns one column as a model takes it.

    Args:
        cells: What `cells_of` returned.
        kind: Of `KINDS`.
        name: Of the column, for the error.
        place: Function of a row's index that says where it is.

    Returns:
        `(rows,)`: float32 with NaN for what is missing, int32 with `MISSING_INTEGER`, or objects that are `str`, empty
        for what is missing.

    Raises:
        ValueError: If a cell is not of the kind; with its place.
    """
    if kind == "string":
        numbers = isinstance(cells, np.ndarray)
        return np.array([_plain(cell) for cell in cells] if numbers else cells, dtype=object)
    if not isinstance(cells, np.ndarray):
        numbers = [np.nan if cell.lower() in MISSING else _number(cell) for cell in cells]
        for index, number in enumerate(numbers):
            if number is None:
                raise ValueError(f"Column `{name}` must be numbers. Received: {_shown(cells[index])} in {place(index)}")
        cells = np.array(numbers, "float64")
    missing = np.isnan(cells)
    limit = LARGEST if kind == "float" else 2**31 - 1
    wrong = ~missing & (np.abs(cells) > limit)
    if kind == "integer":
        wrong |= ~missing & (cells != np.round(cells))
    if wrong.any():
        index = int(np.flatnonzero(wrong)[0])
        rule = "finite numbers" if kind == "float" else "whole numbers within 32 bits"
        raise ValueError(f"Column `{name}` must be {rule}. Received: {cells[index]} in {place(index)}")
    if kind == "float":
        return cells.astype("float32")
    return np.where(missing, MISSING_INTEGER, np.nan_to_num(cells)).astype("int32")


def missing_in(column: np.ndarray) -> np.ndarray:
    """Returns which cells of a parsed column are missing, booleans `(rows,)`.

    Args:
        column: What `parsed` returned.
    """
    if column.dtype.kind == "f":
        return np.isnan(column)
    return column == (MISSING_INTEGER if column.dtype.kind == "i" else "")


def input_names(headers) -> dict:
    """Returns `{input: header}`: TensorFlow's names have no blanks, and those of views are taken.

    Args:
        headers: Names of columns, each once.

    Raises:
        ValueError: If two of them give one name.
    """
    inputs = {}
    for index, header in enumerate(headers):
        name = re.sub(r"[^A-Za-z0-9_]+", "_", header).strip("_") or f"column_{index}"
        name = f"column_{name}" if re.match(r"(source|target|unlabeled|[0-9])", name) else name
        if name in inputs:
            raise ValueError(
                "Columns must have names that differ in letters and digits. "
                f"Received: {inputs[name]!r} and {header!r}, both {name!r}"
            )
        inputs[name] = header
    return inputs


def _as_text(value) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)) or type(value).__name__ in ("NAType", "NaTType"):
        return ""
    value = int(value) if isinstance(value, bool) else value  # as an array of them is numbers
    return (value.decode("utf-8") if isinstance(value, bytes) else str(value)).strip()


def _number(cell: str) -> float | None:
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def _plain(number: float) -> str:
    return "" if np.isnan(number) else str(int(number)) if number == np.round(number) else repr(float(number))


def _shown(cell: str) -> str:
    return repr(cell if len(cell) <= 60 else f"{cell[:60]}...")
