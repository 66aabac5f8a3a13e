"""The rows of a file of texts, each with the line it begins in."""

import contextlib
import csv
import gzip
import io
import json
import sys
import zlib
from pathlib import Path

GZIP = b"\x1f\x8b"


def text_rows(path, encoding):
    """Reads a `.jsonl` or `.csv` file, plain or compressed with gzip.

    Args:
        path: `pathlib.Path`.
        encoding: Name of its encoding; a byte order mark at its start is left out.

    Returns:
        List of `(line, {column: value})`; lines count from 1, and lines with nothing in them are no rows.

    Raises:
        ValueError: If the file is none of these, cannot be decompressed, is not in `encoding`, or a line is no row; it
            names the line.
        OSError: If it cannot be read.
    """
    kind = Path(path.name.lower().removesuffix(".gz")).suffix
    if kind not in (".jsonl", ".csv"):
        raise ValueError(f"`path` must end in .jsonl or .csv, with or without .gz behind it. Received: {path}")
    text = _decoded(_content(path), encoding, path)
    return _of_json(text, path) if kind == ".jsonl" else _of_csv(text, path)


def _content(path):
    content = path.read_bytes()
    if not content.startswith(GZIP):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"`path` must be a whole gzip file ({error}). Received: {path}") from error


def _decoded(content, encoding, path):
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"`encoding` must be that of the file; Excel often writes cp1252 or utf-16 ({error.reason}). "
            f"Received: encoding={encoding!r}, byte 0x{content[error.start]:02x} in line {line} of {path}"
        ) from error
    except LookupError as error:
        raise ValueError(f"`encoding` must be one that Python knows. Received: encoding={encoding!r}") from error


def _of_json(text, path):
    rows = []
    for line, row in enumerate(text.split("\n"), start=1):  # other line ends may stand inside the strings of JSON
        if not row.strip():
            continue
        try:
            values = json.loads(row)
        except (json.JSONDecodeError, RecursionError) as error:
            raise ValueError(
                f"Every line of a .jsonl file must be one JSON object ({error}). Received: line {line} of {path}"
            ) from error
        if not isinstance(values, dict):
            raise ValueError(
                'Every line of a .jsonl file must be one JSON object, such as {"text": "good", "label": 1}. '
                f"Received: {type(values).__name__} in line {line} of {path}"
            )
        rows.append((line, values))
    return rows


def _of_csv(text, path):
    rows, names, start = [], None, 1
    with _unlimited_fields():
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        try:
            for values in reader:
                first, start = start, reader.line_num + 1
                if names is None and values:
                    names = _header(values, path)
                elif values:
                    rows.append((first, _named(names, values, first, path)))
        except csv.Error as error:
            raise ValueError(
                f"Quotes must stand around a whole field, and be doubled within it ({error}). "
                f"Received: the row that begins in line {start} of {path}"
            ) from error
    return rows


@contextlib.contextmanager
def _unlimited_fields():
    before = csv.field_size_limit(sys.maxsize)  # 131,072 characters; a text may be longer
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _header(names, path):
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"The first line of a .csv file must name each column once. Received: {twice} twice in {path}")
    return names


def _named(names, values, line, path):
    if len(values) != len(names):
        raise ValueError(
            f"Every row must have the {len(names)} columns {names}; quote texts with commas in them. "
            f"Received: {len(values)} in line {line} of {path}"
        )
    return dict(zip(names, values, strict=True))
