"""Tables of results as plain data: the page renders them, the terminal prints them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

MISSING = "–"


@dataclass(frozen=True)
class Table:
    """Rows of text under a header; the first column names the row.

    Args:
        columns: The header.
        rows: One sequence of cells per row, as long as `columns`.
        caption: A line below, in which the terms of the table are explained.

    Raises:
        ValueError: If a row has another length than the header.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    kind: ClassVar[str] = "table"

    def __post_init__(self):
        """Check the length of the rows."""
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"`rows` must have {len(self.columns)} cells each. Received: {row}")


def accuracy_table(rows: Mapping[str, Mapping], *, what: str = "Accuracy") -> Table:
    """Compare models by accuracy on the target: last epoch, chosen without labels, chosen with them.

    Args:
        rows: `{model name: {"last", "selected", "selected_by", "oracle"}}`; every key may be absent. An accuracy is a
            number in [0, 1], or a list of them, one a seed, shown as mean and standard deviation.
        what: Name of another figure in [0, 1], such as "Mean F1".

    Returns:
        A `Table`; columns that no row fills are left out.

    Raises:
        ValueError: If an accuracy is outside [0, 1], or a row has an oracle and neither of the honest figures.
    """
    return _compared(rows, f"{what} on the target domain in percent", "best", _percent)


def figures_table(rows: Mapping[str, Mapping], *, what: str, best: str = "highest") -> Table:
    """Compare models by a figure on the target as `accuracy_table` does, of any size.

    Args:
        rows: As in `accuracy_table`; a figure is any number.
        what: Name of the figure, such as "Mean absolute error".
        best: Which figure is best, "highest" or "lowest", for the caption.

    Returns:
        A `Table`.

    Raises:
        ValueError: If a row has an oracle and neither of the honest figures.
    """
    return _compared(rows, f"{what} on the target domain; the {best} is best", best, _number)


def label_table(labels, predictions, *, names: Sequence[str]) -> Table:
    """Show for each of several labels how often it applies, is predicted, and both.

    Args:
        labels: Array `(rows, labels)` of 0 and 1.
        predictions: Array `(rows, labels)` of 0 and 1.
        names: One name a label.

    Returns:
        A `Table` of precision, recall and F1 in percent.

    Raises:
        ValueError: If shapes differ or a label has no name.
    """
    labels, predictions = np.asarray(labels, bool), np.asarray(predictions, bool)
    if labels.ndim != 2 or labels.shape != predictions.shape or labels.shape[1] != len(names):
        raise ValueError(
            "`labels` and `predictions` must be (rows, labels), and `names` one a label. "
            f"Received: shapes {labels.shape} and {predictions.shape}, {len(names)} names"
        )
    applies, predicted, both = labels.sum(axis=0), predictions.sum(axis=0), (labels & predictions).sum(axis=0)
    rows = [
        [str(name), *(f"{count}" for count in counts), _share(counts[2], counts[1]), _share(counts[2], counts[0]),
         _share(2 * counts[2], counts[0] + counts[1])]
        for name, counts in zip(names, np.stack([applies, predicted, both], axis=1), strict=True)
    ]  # fmt: skip
    columns = ["label", "applies", "predicted", "both", "precision", "recall", "F1"]
    return Table(columns, rows, f"Of {len(labels)} rows; shares in percent.")


def _share(part, whole) -> str:
    return f"{100 * part / whole:.1f}" if whole else MISSING


def _compared(rows: Mapping[str, Mapping], what: str, best: str, shown) -> Table:
    for name, row in rows.items():
        if row.get("oracle") is not None and row.get("last") is None and row.get("selected") is None:
            raise ValueError(f"`rows` must not show the oracle alone. Received: {name!r}: {dict(row)}")
    chosen_by = {str(row["selected_by"]).replace("_", " ") for row in rows.values() if row.get("selected_by")}
    by = ", ".join(sorted(chosen_by)) or "a label-free score"
    labels = {"last": "last epoch", "selected": f"selected by {by}", "oracle": "oracle (peeks at target labels)"}
    used = [key for key in labels if any(row.get(key) is not None for row in rows.values())]
    seeds = {np.size(row[key]) for row in rows.values() for key in used if row.get(key) is not None} - {1}
    caption = what
    caption += f", mean ± standard deviation over {', '.join(map(str, sorted(seeds)))} seeds." if seeds else "."
    if "selected" in used:
        caption += " Selected: the epoch with the best score that needs no target label."
    if "oracle" in used:
        caption += f" Oracle: the epoch with the {best} figure, which nobody without target labels can pick."
    body = [[name, *(shown(row.get(key)) for key in used)] for name, row in rows.items()]
    return Table(["model", *(labels[key] for key in used)], body, caption)


def records_table(records: Sequence[Mapping], caption: str = "") -> Table:
    """Show a list of dicts, such as what `verify_litert` returns: one row each, one column for every key.

    Args:
        records: Dicts; a key that one of them lacks is an empty cell.
        caption: A line below.
    """
    columns = list(dict.fromkeys(key for record in records for key in record))
    rows = [[_cell(record.get(key)) for key in columns] for record in records]
    return Table([column.replace("_", " ") for column in columns], rows, caption)


def as_text(table: Table) -> str:
    """Return the table as aligned text for the terminal."""
    lines = [[str(cell) for cell in row] for row in (table.columns, *table.rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def as_markdown(table: Table) -> str:
    """Return the table as Markdown, its caption below.

    Args:
        table: The table; `|` in a cell is escaped.

    Example:
        >>> print(as_markdown(Table(["file", "bytes"], [["a", "12"]])))
        | file | bytes |
        |---|---|
        | a | 12 |
    """
    header, *body = [
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in (table.columns, *table.rows)
    ]
    text = "\n".join([header, "|" + "---|" * len(table.columns), *body])
    return f"{text}\n\n{table.caption}" if table.caption else text


def _percent(value) -> str:
    if value is None:
        return MISSING
    values = 100 * np.atleast_1d(np.asarray(value, "float64"))
    if not ((values >= 0) & (values <= 100)).all():
        raise ValueError(f"An accuracy must be in [0, 1]. Received: {value}")
    mean = f"{values.mean():.1f}"
    return mean if len(values) == 1 else f"{mean} ± {values.std(ddof=1):.1f}"


def _number(value) -> str:
    if value is None:
        return MISSING
    values = np.atleast_1d(np.asarray(value, "float64"))
    mean = f"{values.mean():.4g}"
    return mean if len(values) == 1 else f"{mean} ± {values.std(ddof=1):.2g}"


def _cell(value) -> str:
    if value is None:
        return MISSING
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        return str(value)
    return f"{value:,}" if float(value).is_integer() and abs(value) >= 1000 else f"{value:.4g}"
