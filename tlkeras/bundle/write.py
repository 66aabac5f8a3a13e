"""Writes a version of a bundle: the files of a model, what a caller must know of them, and the means to check them."""

import datetime
import importlib.metadata
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import jinja2
import numpy as np

from tlkeras.bundle.about import About
from tlkeras.bundle.answers import answers_of, measured, not_run
from tlkeras.bundle.card import card
from tlkeras.bundle.litertjs import runtime_files
from tlkeras.bundle.page import check_page, page_html
from tlkeras.bundle.preprocessing import preprocessing
from tlkeras.bundle.samples import stored_inputs
from tlkeras.bundle.sums import write_sums
from tlkeras.bundle.verify import BundleError, failures, verify_bundle
from tlkeras.bundle.versions import MARKER, check_version, new_version
from tlkeras.export.files import export_files
from tlkeras.export.names import FORMATS, QUANTIZATIONS, planned
from tlkeras.export.samples import single_input
from tlkeras.export.savedmodel import inference_model
from tlkeras.report.metrics import versions, write_json

HERE = Path(__file__).parent
ROWS = ("calibration_rows", "sample_rows")  # of samples of which few travel with the bundle
INTEGER_ENDS = "int8_integer_io"  # nobody's first choice: the page cannot run it
LITERT = planned(("litert",), QUANTIZATIONS)


def write_bundle(
    model, folder: str | os.PathLike, *, export: Mapping | None = None, about: About | None = None,
    version: int | None = None, page: bool = False,
) -> Path:  # fmt: skip
    """Write `FOLDER/VERSION/`: files, labels, preprocessing, samples, card, sums, `predict.py`, a Containerfile.

    It appears complete or not at all, and only after `verify_bundle` found nothing wrong with it. A version that is
    there is never changed. Some of the samples travel with it.

    Args:
        model: A `keras.Model` or a `TransferModel`, with one input and the classes as its output.
        folder: Of all versions; its last part is the name of the bundle.
        export: Arguments of `tlkeras.export.export_files` beside model and directory: `formats` (with "litert"),
            `quantizations`, `samples`, `value_range` and so on.
        about: What is known of the model, such as `read_run` returns.
        version: A number that is not there yet; None for the next one.
        page: Also write `index.html`, a page that runs the first LiteRT file in a browser. npm fetches its runtime.

    Returns:
        The directory of the version.

    Raises:
        ValueError: If the model, the samples, the labels or the name do not fit; or as in `export_files`.
        FileExistsError: If the version is there already, or `folder` holds something else.
        ConversionError: As in `export_files`.
        ExportMismatch: As in `export_files`.
        BundleError: If what was written does not pass `verify_bundle`.
        RuntimeError: If the runtime of the page cannot be fetched.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
        >>> path = write_bundle(model, "bundles/ink", about=tlkeras.bundle.About(class_names=("less", "more")))
        >>> path.as_posix(), (path / "labels.txt").read_text().split()
        ('bundles/ink/1', ['less', 'more'])
    """
    model, folder, export, about = inference_model(model), Path(folder), dict(export or {}), about or About()
    labels = about.names(_check(model, folder, export, page))
    check_version(folder, version)
    value_range = export.get("value_range", (0, 255))
    runtime = runtime_files() if page else None
    with new_version(folder, version) as (directory, number):
        rows = export_files(model, directory, **export)
        inputs = stored_inputs(model, export.get("samples"), rows[0].get("sample_rows"), value_range)
        answers = np.asarray(model.predict(inputs.astype(model.inputs[0].dtype), verbose=0), "float32")
        np.savez_compressed(directory / "samples.npz", inputs=inputs, answers=answers)
        (directory / "labels.txt").write_text("\n".join(labels) + "\n", encoding="utf-8")
        spec = preprocessing(model, answers, value_range)
        write_json(directory / "preprocessing.json", spec)
        records = _records(rows, directory, inputs.astype(spec["input"]["dtype"]), answers)
        facts = {"name": folder.name, "version": number, **_facts(records, about, export), "page": page}
        write_json(directory / MARKER, facts)
        (directory / "README.md").write_text(card(facts, about, labels=labels, preprocessing=spec), encoding="utf-8")
        _write_program(directory, facts)
        if page:
            content = (directory / facts["runs"]).read_bytes()
            html = page_html(content, title=folder.name, preprocessing=spec, labels=labels, runtime=runtime)
            (directory / "index.html").write_text(html, encoding="utf-8")
        write_sums(directory)
        wrong = [f"{row['file']}: {row['why']}" for row in failures(verify_bundle(directory))]
        if wrong:
            raise BundleError(f"The bundle must pass `verify_bundle` before it gets its name. Received: {wrong}")
    return folder / str(number)


def _check(model, folder: Path, export: dict, page: bool) -> int:
    """Return the number of classes, or say what does not fit before anything is written."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", folder.name):
        raise ValueError(f"`folder` must end in a name of letters, digits, dots, - and _. Received: {folder}")
    formats = export.get("formats", FORMATS[:2])
    planned(formats, export.get("quantizations", ("none",)))
    if "litert" not in formats:
        raise ValueError(f"`formats` must have litert, which predict.py runs. Received: {','.join(formats)}")
    tensor, shape = single_input(model), model.outputs[0].shape
    if len(shape) != 2 or not shape[-1] or shape[-1] < 2:
        raise ValueError(f"`model` must give one number for each of at least two classes. Received: outputs {shape}")
    if page:
        check_page(tensor.shape[1:], tensor.dtype, export.get("value_range", (0, 255)))
        if set(export.get("quantizations", ("none",))) <= {INTEGER_ENDS}:
            raise ValueError(
                f"`page` needs a quantisation beside {INTEGER_ENDS}: LiteRT.js has no int8 inputs. Received: no other"
            )
    return int(shape[-1])


def _records(rows: list[dict], directory: Path, inputs: np.ndarray, answers: np.ndarray) -> list[dict]:
    """Return what is known of each file, with what it answers to the stored inputs."""
    records = []
    for row in rows:
        path = directory / Path(row["path"]).name
        found = {} if not_run(path) else measured(answers_of(path, inputs), answers)
        known = {key: value for key, value in row.items() if key not in ("path", *ROWS)}
        records.append({"file": path.name, "bytes": _size(path), **known, **found})
    return records


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file())


def _facts(records: list[dict], about: About, export: dict) -> dict:
    return {
        "files": records,
        "runs": min((row["file"] for row in records if row["file"] in LITERT), key=lambda name: INTEGER_ENDS in name),
        "stored": "random inputs" if export.get("samples") is None else "samples",
        "backbone_licence": about.backbone_licence,
        "metrics": {key: value for key, value in about.metrics.items() if key not in ("export", "exports")},
        "config": about.config,
        "written": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": versions() | {"ai-edge-litert": importlib.metadata.version("ai-edge-litert")},
    }


def _write_program(directory: Path, facts: dict) -> None:
    shutil.copyfile(HERE / "predict.py", directory / "predict.py")
    container = jinja2.Template((HERE / "Containerfile").read_text(encoding="utf-8"), undefined=jinja2.StrictUndefined)
    text = container.render(
        name=facts["name"].lower(),
        version=facts["version"],
        litert=facts["versions"]["ai-edge-litert"],
        numpy=facts["versions"]["numpy"],
        models=" ".join(row["file"] for row in facts["files"] if row["file"] in LITERT),
    )
    (directory / "Containerfile").write_text(text + "\n", encoding="utf-8")
