"""The labels of a table: classes by name, or numbers."""

import numpy as np

from tlkeras.data.columns import missing_in, parsed


def read_labels(cells, name: str, place, types: dict, class_names=(), *, optional=False) -> tuple:
    """Returns the labels of a table and the names of their classes.

    Args:
        cells: What `tlkeras.data.columns.cells_of` returns.
        name: Of the column.
        place: Function of a row's index that says where it is.
        types: `{name: "float"}` for numbers to be predicted.
        class_names: Names of the classes where they are settled.
        optional: Whether a column without any label is None.

    Returns:
        `(labels, class_names)`: int32 `(rows,)` and a tuple, float32 and `()` for numbers, or None and `()`.

    Raises:
        ValueError: If a row has no label, there is one class only, or nearly as many as rows, or a name is not among
            `class_names`.

    Example:
        >>> labels, names = read_labels(["no", "yes", "no"], "ill", str, {})
        >>> labels.tolist(), names
        ([0, 1, 0], ('no', 'yes'))
    """
    numbers = types.get(name) == "float"
    values = parsed(cells, "float" if numbers else "string", name, place)
    missing = missing_in(values)
    if missing.all() and optional:
        return None, ()
    if missing.any():
        raise ValueError(
            f"Every row must have its label `{name}`: leave out those without. "
            f"Received: none in {place(int(np.flatnonzero(missing)[0]))}, {missing.sum()} in all"
        )
    if numbers:
        return values, ()
    names = tuple(class_names) or _names(values, name)
    index = {label: number for number, label in enumerate(names)}
    unknown = [row for row, label in enumerate(values) if label not in index]
    if unknown:
        raise ValueError(
            f"The labels `{name}` must be of the classes {', '.join(names[:20])}. "
            f"Received: {values[unknown[0]][:60]!r} in {place(unknown[0])}, {len(unknown)} unknown labels in all"
        )
    return np.array([index[label] for label in values], "int32"), names


def _names(values, name: str) -> tuple:
    found = set(values.tolist())
    if len(found) < 2:
        raise ValueError(f"The labels `{name}` must be of two classes at least. Received: {next(iter(found))!r} only")
    if len(found) > max(20, len(values) // 10):
        raise ValueError(
            f'The labels `{name}` must be of few classes; numbers to predict are `types={{{name!r}: "float"}}`. '
            f"Received: {len(found)} different ones in {len(values)} rows"
        )
    try:
        return tuple(sorted(found, key=float))
    except ValueError:
        return tuple(sorted(found))
