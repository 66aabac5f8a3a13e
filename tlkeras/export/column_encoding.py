"""What a model knows of the columns of a table, as data."""

import keras

from tlkeras.backbones.graph import nodes_of
from tlkeras.backbones.table import ENCODED
from tlkeras.data.columns import MISSING_INTEGER, input_names, missing_in, parsed
from tlkeras.data.csv_columns import read_csv
from tlkeras.layers.imputed_normalization import ImputedNormalization

_COLUMN = (ImputedNormalization, keras.layers.IntegerLookup, keras.layers.StringLookup)


def table_encoding(model: keras.Model) -> dict | None:
    """Return the content of `encoding.json`, or None where the model is not on a backbone of `from_table`.

    Args:
        model: A `keras.Model`.

    Returns:
        `{"columns": [...], "width": number}`, in the order of the vector: `name`, `kind` and for numbers `mean`,
        `deviation`, `fill` and `indicator`, else `categories` and `missing`, the category of a missing cell.

    Example:
        >>> people = tlkeras.data.table({"job": ["cook", "baker"]})
        >>> table_encoding(tlkeras.backbones.from_table(people))["columns"]
        [{'name': 'job', 'kind': 'string', 'categories': ['baker', 'cook'], 'missing': ''}]
    """
    if not getattr(model, "inputs", None) or not any(layer.name == ENCODED for layer in model.layers):
        return None
    calls = [node for node in nodes_of(model) if isinstance(node.operation, _COLUMN)]
    columns = {node.input_tensors[0].name: _column(node.operation) for node in calls}
    if set(columns) != {tensor.name for tensor in model.inputs}:
        return None
    ordered = [{"name": name, **columns[name]} for name in sorted(columns)]
    return {"columns": ordered, "width": model.get_layer(ENCODED).output.shape[-1]}


def read_inputs(path, encoding: dict) -> dict:
    """Return the rows of a csv file as a model on a table takes them, `{input: (rows, 1)}`.

    Args:
        path: The file, with the columns of the table, and perhaps others.
        encoding: What `table_encoding` returned.

    Raises:
        ValueError: If the file is no table, a column is not there, or a cell is not of its kind; with the line.
    """
    cells, lines = read_csv(path)
    headers = input_names(cells)
    lacking = [column["name"] for column in encoding["columns"] if column["name"] not in headers]
    if lacking:
        raise ValueError(f"`samples` must have the model's columns; there are {list(headers)}. Received: {lacking}")
    inputs = {}
    for column in encoding["columns"]:
        header = headers[column["name"]]
        found = parsed(cells[header], column["kind"], header, lambda row: f"line {lines[row]} of `{path}`")[:, None]
        inputs[column["name"]] = keras.ops.convert_to_tensor(found, "string") if column["kind"] == "string" else found
    return inputs


def rows_of(inputs: dict) -> list[dict]:
    """Return inputs of a model as rows for the reference encoder, None for what is missing.

    Args:
        inputs: `{input: (rows, 1)}`.
    """
    columns = {}
    for name, values in inputs.items():
        column = keras.ops.convert_to_numpy(values)[:, 0]
        if column.dtype.kind in "SUO":
            column = [value.decode("utf-8") for value in column]
            columns[name] = [value or None for value in column]
        else:
            absent = missing_in(column)
            columns[name] = [None if gone else value for value, gone in zip(column.tolist(), absent, strict=True)]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _column(layer) -> dict:
    if isinstance(layer, ImputedNormalization):
        statistics = {"mean": layer.mean, "deviation": layer.deviation, "fill": layer.fill}
        return {"kind": "float", **statistics, "indicator": layer.indicator}
    integer = isinstance(layer, keras.layers.IntegerLookup)
    categories = layer.get_vocabulary(include_special_tokens=False)
    return {
        "kind": "integer" if integer else "string",
        "categories": [int(code) for code in categories] if integer else [str(text) for text in categories],
        "missing": MISSING_INTEGER if integer else "",
    }
