"""A table of named columns with labels, as a model with one input for each column takes it."""

import dataclasses
import os

from tlkeras.data.columns import KINDS, cells_of, input_names, kind_of, parsed
from tlkeras.data.csv_columns import read_csv
from tlkeras.data.table_labels import read_labels
from tlkeras.data.table_notes import differences, findings
from tlkeras.data.table_rows import Table


def table(source, *, label=None, types=None, ignore=(), like=None) -> Table:
    """Reads a table: a csv file, plain or gzip, or columns that are there.

    A column is `float` where all of its cells are numbers, else `string`, the names of categories; `integer` are
    categories with numbers for names, and must be asked for. Missing cells stay missing: NaN, a code of its own, or the
    empty string; of numbers that is an empty cell, `NA`, `N/A`, `NaN`, `none`, `null` and `?`. An input is named like
    its column, with `_` for what is no letter, digit or `_`.

    A second table is read `like` the first, which settles columns, kinds and classes.

    Args:
        source: Name of a csv file with a header, `{name: array (rows,)}`, or a pandas DataFrame.
        label: Name of the column with the labels, or None. Its values are the names of classes, unless `types` says
            `float`. With `like` it is that table's, and may be absent or empty.
        types: `{name: kind}` of columns whose kind is not to be inferred.
        ignore: Names of columns to leave out, those of patients say.
        like: `Table` of the source, where this is the target.

    Returns:
        `Table`.

    Raises:
        ValueError: If the file is no table (with the line), a column or label is not there, a column is empty, holds
            text among numbers or too many categories, there is one class only, or a label is unknown to `like`.

    Example:
        >>> people = table({"age": [31, None, 58], "job": ["cook", "cook", "baker"], "ill": [0, 0, 1]}, label="ill")
        >>> people.kinds, people.class_names
        ({'age': 'float', 'job': 'string'}, ('0', '1'))
        >>> table({"age": [44], "job": ["smith"]}, like=people).notes
        ("`job`: 1 of 1 rows hold what the first table lacks, such as 'smith'.",)
    """
    cells, place = _cells(source)
    if like is not None:
        if label is not None or types or ignore:
            raise ValueError(
                "`like` settles the columns: leave out `label`, `types` and `ignore`. "
                f"Received: label={label!r}, types={types}, ignore={ignore}"
            )
        return _read_like(cells, like, place)
    asked = {**dict.fromkeys(ignore, None), **({label: None} if label else {}), **(types or {})}
    _require(cells, asked, "`label`, `types` and `ignore` must name columns of the table")
    wrong = {name: kind for name, kind in (types or {}).items() if kind not in KINDS}
    if wrong:
        raise ValueError(f"`types` must be of {', '.join(KINDS)}. Received: {wrong}")
    kinds = {
        name: (types or {}).get(name) or kind_of(column, name, place)
        for name, column in cells.items()
        if name != label and name not in ignore
    }
    if not kinds:
        raise ValueError(f"There must be a column beside label and `ignore`. Received: {list(cells)}")
    headers = input_names(kinds)
    columns = {name: parsed(cells[header], kinds[header], header, place) for name, header in headers.items()}
    notes = [note for name, header in headers.items() for note in findings(columns[name], header)]
    labels, names = (None, ()) if label is None else read_labels(cells[label], label, place, types or {})
    kinds = {name: kinds[header] for name, header in headers.items()}
    return Table(columns, kinds, headers, label, labels, names, tuple(notes))


def _cells(source):
    """Returns `({name: cells}, function that says where a row is)`."""
    if isinstance(source, str | os.PathLike):
        cells, lines = read_csv(source)
        return cells, lambda index: f"line {lines[index]} of `{source}`"
    if not hasattr(source, "items"):
        raise ValueError(
            f"`source` must be the name of a csv file, a dict of columns or a DataFrame. Received: {type(source)}"
        )
    pairs = [(str(name), column) for name, column in source.items()]
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names) or not names:
        raise ValueError(f"`source` must have columns, each name once. Received: {names}")
    cells = {name: cells_of(column, name) for name, column in pairs}
    lengths = {name: len(column) for name, column in cells.items()}
    if len(set(lengths.values())) > 1 or not min(lengths.values()):
        raise ValueError(f"`source` must have columns of one length, at least 1. Received: {lengths}")
    return cells, lambda index: f"row {index}"


def _require(cells, wanted, rule):
    missing = [name for name in wanted if name not in cells]
    if missing:
        raise ValueError(f"{rule}; there are {list(cells)}. Received: {missing}")


def _read_like(cells, like, place):
    wanted = list(like.headers.values())
    _require(cells, wanted, "The table must have the columns of the first")
    columns = {name: parsed(cells[header], like.kinds[name], header, place) for name, header in like.headers.items()}
    notes = [note for name in columns for note in differences(columns[name], like.columns[name], like.headers[name])]
    extra = [name for name in cells if name not in wanted and name != like.label]
    if extra:
        notes.append(f"Columns that the first table lacks, or ignores, are left out: {', '.join(extra)}.")
    labels = None
    if like.labels is not None and like.label in cells:
        types = {} if like.class_names else {like.label: "float"}
        labels, _ = read_labels(cells[like.label], like.label, place, types, like.class_names, optional=True)
    return dataclasses.replace(like, columns=columns, labels=labels, notes=tuple(notes))
