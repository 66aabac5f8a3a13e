"""The columns of a csv file as text, each cell with its line."""

import csv
import gzip
import io
import os
import zlib
from pathlib import Path

DELIMITERS = (",", ";", "\t", "|")


def read_csv(path: str | os.PathLike) -> tuple[dict, list[int]]:
    """Reads a csv file with a header, plain or gzip, in UTF-8.

    Cells stand between commas, semicolons, tabs or bars, whichever the header has most of.

    Args:
        path: The file; the suffix `.gz` says that it is compressed.

    Returns:
        `({header: cells}, lines)`: stripped text, and the number of the line where each row ends. Blank lines are no
        rows.

    Raises:
        ValueError: If the file cannot be read, is not UTF-8, has no header or no rows, the header holds a name twice or
            an empty one, or a row has another number of cells; with the line.

    Example:
        >>> _ = Path("people.csv").write_text(os.linesep.join(["age,job", "31,cook", ",baker"]))
        >>> read_csv("people.csv")
        ({'age': ['31', ''], 'job': ['cook', 'baker']}, [2, 3])
    """
    text = _text(path)
    delimiter = max(DELIMITERS, key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows, lines = [], []
    try:
        for row in reader:
            if row:
                rows.append([cell.strip() for cell in row])
                lines.append(reader.line_num)
    except csv.Error as error:
        raise ValueError(f"`{path}` must be csv. Received: {error}, in line {reader.line_num}") from error
    if len(rows) < 2:
        raise ValueError(f"`{path}` must have a header and at least one row. Received: {len(rows)} lines with cells")
    header = _checked_header(rows[0], path)
    for row, line in zip(rows[1:], lines[1:], strict=True):
        if len(row) != len(header):
            raise ValueError(
                f"Every row of `{path}` must have {len(header)} cells, as the header has. "
                f"Received: {len(row)} cells in line {line}"
            )
    return dict(zip(header, map(list, zip(*rows[1:], strict=True)), strict=True)), lines[1:]


def _text(path) -> str:
    try:
        content = Path(path).read_bytes()
        content = gzip.decompress(content) if Path(path).suffix == ".gz" else content
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"`{path}` cannot be read ({error}). Received: {path}") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"`{path}` must be UTF-8: save it anew with this encoding. "
            f"Received: byte 0x{content[error.start]:02x} in line {line}"
        ) from error


def _checked_header(header: list, path) -> list:
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice or "" in header:
        raise ValueError(f"The header of `{path}` must name every column, each once. Received: {twice or header}")
    return header
