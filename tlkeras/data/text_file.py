"""Texts and their classes from one file."""

import dataclasses
import json
from pathlib import Path

import numpy as np

from tlkeras.data.text_rows import text_rows


@dataclasses.dataclass(frozen=True, eq=False)
class TextFile:
    """Texts of one file; `texts[rows]` gives those rows as an array of `str`.

    `tlkeras.data.pair` takes it as it is; `fit`, `evaluate` and `predict` take its `texts`.

    Attributes:
        path: The file.
        texts: Array of `str` objects `(rows,)`.
        labels: int64 array `(rows,)`, indices into `class_names`; None where no label was asked for.
        class_names: Names of the classes.
        lines: int64 array `(rows,)`, the line in which each row begins, from 1.
        skipped: Lines of the rows without a text, which `skip_empty` left out.
    """

    path: Path
    texts: np.ndarray
    labels: np.ndarray | None
    class_names: tuple
    lines: np.ndarray
    skipped: tuple

    def __len__(self):
        """Returns the number of texts."""
        return len(self.texts)

    def __getitem__(self, rows):
        """Returns the texts of `rows`."""
        return self.texts[rows]

    def __array__(self, dtype=None, copy=None):
        """Returns the texts, for functions that take arrays."""
        return np.array(self.texts, dtype=dtype, copy=copy)

    @property
    def counts(self) -> dict:
        """`{class name: number of texts}`; empty without labels."""
        if self.labels is None:
            return {}
        counts = np.bincount(self.labels, minlength=len(self.class_names))
        return dict(zip(self.class_names, counts.tolist(), strict=True))


def text_file(
    path, text="text", label="label", *, class_names=None, encoding="utf-8", skip_empty=False
) -> TextFile:
    r"""Reads texts, and the class of each, from a `.jsonl` or `.csv` file, plain or compressed (`.gz`).

    A `.jsonl` file has one JSON object a line, a `.csv` file the names of its columns in the first. A text may be of
    any length: nothing is cut here. Classes are sorted by name, or by value where all are numbers, so that the labels
    0, 1, ..., 10 keep their order.

    Args:
        path: The file.
        text: Name of the column of texts, or a tuple of names, such as `("title", "text")`: a title often says most.
            Their texts are joined by a space.
        label: Name of the column of classes: strings, numbers or booleans. None: none is read.
        class_names: The classes in the order of their labels, such as those of the training data; by default those of
            the file.
        encoding: That of the file.
        skip_empty: Whether rows without a text are left out; `skipped` has their lines.

    Returns:
        `TextFile`.

    Raises:
        ValueError: If the file is of another kind or in another encoding, a column is missing, a value is no text or
            no label, a text is empty, or a label is none of `class_names`; it names the line.
        OSError: If the file cannot be read.

    Example:
        >>> _ = Path("reviews.csv").write_text("text,label\nGood.,1\nNot good.,0\n")
        >>> reviews = text_file("reviews.csv")
        >>> reviews.texts.tolist(), reviews.labels.tolist(), reviews.class_names
        (['Good.', 'Not good.'], [1, 0], ('0', '1'))
    """
    path = Path(path)
    columns = (text,) if isinstance(text, str) else tuple(text)
    rows = text_rows(path, encoding)
    if not rows:
        raise ValueError(f"`path` must hold at least one text. Received: no row in {path}")
    for argument, names in (("text", columns), ("label", () if label is None else (label,))):
        _check_columns(rows, argument, names, path)
    texts = [" ".join(part for part in parts if part) for parts in _texts_of(rows, columns, path)]
    skipped = tuple(line for (line, _), found in zip(rows, texts, strict=True) if not found.strip())
    if skipped and (not skip_empty or len(skipped) == len(rows)):
        raise ValueError(
            f"Every row needs a text in {_quoted(columns)}; `skip_empty=True` leaves out those without, if not all. "
            f"Received: {len(skipped)} of {len(rows)} empty, the first in line {skipped[0]} of {path}"
        )
    rows = [row for row, found in zip(rows, texts, strict=True) if found.strip()]
    labels, names = (None, ()) if label is None else _labels(rows, label, class_names, path)
    found = np.empty(len(rows), object)  # an array of fixed width would give all texts the room of the longest
    found[:] = [one for one in texts if one.strip()]
    return TextFile(path, found, labels, names, np.array([line for line, _ in rows], "int64"), skipped)


def _check_columns(rows, argument, names, path):
    for name in names:
        missing = next(((line, row) for line, row in rows if name not in row), None)
        if missing:
            raise ValueError(
                f"`{argument}` must be a column of the file, or several. "
                f"Received: {argument}={name!r}; line {missing[0]} of {path} has the columns {list(missing[1])}"
            )


def _texts_of(rows, columns, path):
    """Yields the parts of each text; JSON's null is an empty one."""
    for line, row in rows:
        parts = ["" if row[name] is None else row[name] for name in columns]
        for part in parts:
            if not isinstance(part, str):
                raise ValueError(
                    f"Every value of {_quoted(columns)} must be a text. "
                    f"Received: {type(part).__name__} in line {line} of {path}"
                )
            if not _is_unicode(part):
                raise ValueError(
                    "A text must be valid Unicode, without half of a pair of \\ud800-\\udfff. "
                    f"Received: {_quoted(columns)} in line {line} of {path}"
                )
        yield parts


def _is_unicode(text):
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _labels(rows, label, class_names, path):
    found = [_name(row[label], line, label, path) for line, row in rows]
    known = tuple(_ordered(set(found)) if class_names is None else map(str, class_names))
    index_of = {name: index for index, name in enumerate(known)}
    if len(index_of) < len(known):
        raise ValueError(f"`class_names` must name each class once. Received: class_names={list(known)}")
    for (line, _), name in zip(rows, found, strict=True):
        if name not in index_of:
            raise ValueError(
                f"Every label must be one of `class_names`, {list(known)}. "
                f"Received: {name!r} in line {line} of {path}"
            )
    return np.array([index_of[name] for name in found], "int64"), known


def _name(value, line, label, path):
    """Returns the name of a class: a string as it is, a number or a boolean as JSON writes it."""
    name = value.strip() if isinstance(value, str) else "" if value is None else json.dumps(value)
    if not name or isinstance(value, list | dict):
        raise ValueError(
            f"Every row needs a class in {label!r}: a string, a number or a boolean. "
            f"Received: {value!r} in line {line} of {path}"
        )
    return name


def _ordered(names):
    try:
        return sorted(names, key=lambda name: (float(name), name))
    except ValueError:
        return sorted(names)


def _quoted(columns):
    return " and ".join(map(repr, columns))
