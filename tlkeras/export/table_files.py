"""The files of a model on a table: for a device they begin where its columns are numbers."""

import json
import os
import shutil
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tlkeras.backbones.table import ENCODED
from tlkeras.export import encode_table
from tlkeras.export.column_encoding import rows_of, table_encoding
from tlkeras.export.files import export_files
from tlkeras.export.names import planned
from tlkeras.export.reference import FLOAT_BOUND, ExportMismatch, Reference
from tlkeras.export.savedmodel import inference_model, to_saved_model
from tlkeras.export.switch import check_places
from tlkeras.export.verify import write_litert
from tlkeras.surgery.split import split

ENCODING, ENCODER, COLUMNS = "encoding.json", "encode_table.py", "model_columns.tflite"
RANDOM_ROWS = 64


def export_table_files(
    model, directory: str | os.PathLike, *, formats=("savedmodel", "litert"), quantizations=("none",), samples=None,
    also=None, **bounds,
) -> list[dict]:  # fmt: skip
    """Write the files of a model on a backbone of `tlkeras.backbones.from_table`, each run and compared with it.

    LiteRT has no strings, and one scale for all columns would leave int8 nothing of the small ones. So every file
    for a device takes the encoded vector, and `encoding.json` with `encode_table.py` beside them, some lines of Python
    alone, says how a row becomes one. The SavedModel takes the columns. Where all columns are numbers there is also
    `model_columns.tflite`, float32, which takes them as one row in the order of `encoding.json`, NaN for a missing one.

    Args:
        model: A `keras.Model` or a `TransferModel`.
        directory: As in `export_files`.
        formats: As in `export_files`.
        quantizations: As in `export_files`.
        samples: `{input: (rows >= 2, 1)}`, as `tlkeras.data.Table.inputs` gives them, or None for random ones.
        also: As in `export_files`.
        **bounds: `labels`, `min_agreement` and `max_drop`, as in `export_files`.

    Returns:
        One dict a file, as `export_files` does; `begins_at` of a file for a device tells what it takes.

    Raises:
        ValueError: If the model is not on such a backbone; or as in `export_files`.
        ExportMismatch: If a file, or the reference encoder, does not give the model's numbers.

    Example:
        >>> people = tlkeras.data.table({"age": [30, 50], "job": ["cook", "baker"]})
        >>> model = tlkeras.surgery.classifier(tlkeras.backbones.from_table(people), 2)
        >>> [row.get("begins_at") for row in export_table_files(model, "exported")]
        ['encoded', None]
    """
    model = inference_model(model)
    encoding = table_encoding(model)
    if encoding is None:
        raise ValueError(f"`model` must be on a backbone of `from_table`. Received: {model.name!r}")
    check_places(directory, [*planned(formats, quantizations), ENCODING, ENCODER, COLUMNS])
    below, above = split(model, ENCODED)
    rows = _random_rows(encoding) if samples is None else samples
    vectors = below.predict(rows, verbose=0)
    _check_encoder(rows, vectors, encoding)
    verified = {"verified_on": "random inputs" if samples is None else "samples"}

    def beside(temporary, files):
        for row in files:
            row["begins_at"] = ENCODED
        write_encoding(model, temporary)
        whole = Reference(samples=vectors, answers=np.asarray(model.predict(rows, verbose=0), "float32"))
        made = [_saved_model(model, temporary, rows, whole)] if "savedmodel" in formats else []
        if "litert" in formats and "none" in quantizations and all(c["kind"] == "float" for c in encoding["columns"]):
            made.append(_whole_litert(model, temporary, rows, whole))
        files += [{**row, "path": os.path.join(directory, row["path"]), **verified} for row in made]
        if also is not None:
            also(temporary, files)

    return export_files(
        above, directory, formats=[name for name in formats if name != "savedmodel"], quantizations=quantizations,
        samples=None if samples is None else vectors, value_range=None, also=beside, **bounds,
    )  # fmt: skip


def write_encoding(model, directory: Path) -> None:
    """Write `encoding.json` and the reference encoder of a model on a backbone of `from_table`.

    Args:
        model: The inference model.
        directory: Where to write.
    """
    content = json.dumps(table_encoding(model), indent=1, ensure_ascii=False, allow_nan=False)
    (directory / ENCODING).write_text(content, encoding="utf-8")
    shutil.copyfile(encode_table.__file__, directory / ENCODER)


def _check_encoder(rows: dict, vectors: np.ndarray, encoding: dict) -> None:
    found = np.array([encode_table.encode(row, encoding) for row in rows_of(rows)])
    largest = float(np.abs(found - vectors).max()) if found.shape == vectors.shape else np.inf
    if not largest <= FLOAT_BOUND * max(1.0, float(np.abs(vectors).max())):
        raise ExportMismatch(f"{ENCODER} must give the model's own vectors. Received: a difference of {largest:.4g}")


def _saved_model(model: keras.Model, directory: Path, rows: dict, whole: Reference) -> dict:
    path = to_saved_model(model, directory / "saved_model")
    tensors = {tensor.name: tf.convert_to_tensor(rows[tensor.name], tensor.dtype) for tensor in model.inputs}
    loaded = tf.saved_model.load(os.fspath(path))  # the function alone would not keep its variables
    facts = whole.check(loaded.serve(tensors).numpy(), path.name, FLOAT_BOUND)
    return {"path": path.name, **facts}


def _whole_litert(model: keras.Model, directory: Path, rows: dict, whole: Reference) -> dict:
    names = sorted(rows)
    row = keras.Input((len(names),), name="columns")
    joined = keras.Model(row, model({name: row[:, index : index + 1] for index, name in enumerate(names)}))
    matrix = np.concatenate([np.asarray(rows[name], "float32") for name in names], axis=1)
    expected = Reference(samples=matrix, answers=whole.answers, min_agreement=whole.min_agreement)
    return {**write_litert(joined, directory / COLUMNS, expected), "path": COLUMNS, "begins_at": "columns"}


def _random_rows(encoding: dict) -> dict:
    draw, rows = np.random.default_rng(0), {}
    for column in encoding["columns"]:
        if column["kind"] == "float":
            values = draw.normal(column["mean"], column["deviation"], RANDOM_ROWS).astype("float32")
            values[draw.random(RANDOM_ROWS) < 0.1] = np.nan
        else:
            values = np.array(column["categories"])[draw.integers(len(column["categories"]), size=RANDOM_ROWS)]
        text = column["kind"] == "string"
        rows[column["name"]] = keras.ops.convert_to_tensor(values[:, None], "string") if text else values[:, None]
    return rows
