"""Rows of named columns."""

import dataclasses

import keras
import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """Rows of named columns.

    Attributes:
        columns: `{input: array (rows,)}`: float32 with NaN, int32, or objects that are `str`; see `table`.
        kinds: `{input: "float", "integer" or "string"}`.
        headers: `{input: name in the file}`.
        label: Name of the label in the file, or None.
        labels: `(rows,)`: int32 classes or float32 numbers; None where there are none.
        class_names: Names of the classes, sorted; empty where there are none or the labels are numbers.
        notes: What was found and is worth to know, one sentence each.
    """

    columns: dict
    kinds: dict
    headers: dict
    label: str | None = None
    labels: np.ndarray | None = None
    class_names: tuple = ()
    notes: tuple = ()

    def __len__(self):
        """Returns the number of rows."""
        return len(next(iter(self.columns.values())))

    def inputs(self, rows=slice(None)) -> dict:
        """Returns rows as the model of `tlkeras.backbones.from_table` takes them, `{input: (rows, 1)}`.

        Args:
            rows: Indices, or a slice.
        """
        chosen = {name: column[rows][:, None] for name, column in self.columns.items()}
        return {
            name: keras.ops.convert_to_tensor(column, "string") if self.kinds[name] == "string" else column
            for name, column in chosen.items()
        }

    def take(self, rows) -> "Table":
        """Returns a table of some rows.

        Args:
            rows: Indices `(n >= 1,)`.

        Raises:
            ValueError: If there are none.
        """
        if not len(rows):
            raise ValueError("`rows` must hold at least one index. Received: none")
        labels = None if self.labels is None else self.labels[rows]
        return dataclasses.replace(
            self, columns={name: column[rows] for name, column in self.columns.items()}, labels=labels
        )
