"""`tlkeras export`: the files of a model for serving or for a device, run and compared with the model.

Nothing heavy is imported at the top, as in `tlkeras.cli`.
"""

import argparse
import os
import zipfile
from pathlib import Path

from tlkeras.bundle.run_folder import model_file
from tlkeras.export.names import FORMATS, QUANTIZATIONS, planned
from tlkeras.export.switch import check_places

RECORD = "export.json"  # says what the files beside it are, and is replaced with them
LONG = ("calibration_rows", "sample_rows", "float_layers")  # kept in export.json, too long for a table
FLAGS = {
    "`model`": "MODEL",
    "`directory`": "--out",
    "`quantize`": "--quantize",
    "`samples`": "--samples",
    "`labels`": "--labels",
    "`max_drop`": "--max-drop",
    "`min_agreement`": "--min-agreement",
    "`value_range`": "--value-range",
    "allow_host_ops=True (to HubLayer, from_hub or tlkeras.load)": "--allow-host-ops",
}  # how the arguments that errors of the package name are spelled here


def add_export(commands, value_range) -> argparse.ArgumentParser:
    """Adds the command to the subparsers and returns its parser.

    Args:
        commands: What `add_subparsers` returned.
        value_range: The function that reads `--value-range`.
    """
    export = commands.add_parser("export", help="write a .keras model for serving or for a device, and verify it")
    export.add_argument("model", type=Path, help="a .keras file, or the folder of a recipe's run")
    export.add_argument("--out", type=Path, required=True, metavar="DIR", help="directory to write into")
    add_files(export, value_range)
    return export


def add_files(export, value_range):
    """Adds the flags that say which files are written, and on what they are verified.

    Args:
        export: The parser of a command.
        value_range: The function that reads `--value-range`.
    """
    export.add_argument(
        "--format", type=_choices(FORMATS), default=FORMATS[:2], help=f"of {','.join(FORMATS)}; default the first two"
    )
    export.add_argument(
        "--quantize", type=_choices(QUANTIZATIONS), default=("none",),
        help=f"of {','.join(QUANTIZATIONS)} (LiteRT); default none",
    )  # fmt: skip
    export.add_argument(
        "--samples", type=Path, metavar="FILE.npy|FILE.csv|FILE.jsonl|DIR",
        help="inputs of where the files will be used: in the model's own form, a folder of images, a .jsonl or .csv "
        "file with a column text, or a .csv file for a model on a table: 100, balanced over the predicted classes, "
        "calibrate int8, the others verify. Without it the files are verified on 64 random inputs, and int8 is refused",
    )  # fmt: skip
    export.add_argument(
        "--labels", metavar="FILE.npy|folders",
        help="their classes: adds accuracy and calibration. `folders`: those of --samples, sorted, are the outputs",
    )  # fmt: skip
    export.add_argument(
        "--min-agreement", type=_share, default=0.98, metavar="SHARE",
        help="of samples on which a file must predict the model's class; default 0.98",
    )  # fmt: skip
    export.add_argument(
        "--max-drop", type=_points, metavar="POINTS",
        help="of accuracy that a file may lose (without --labels: percent of changed answers); int8 then keeps as many "
        "layers in float as that takes, those that lose most first",
    )  # fmt: skip
    export.add_argument(
        "--value-range", type=value_range, default=(0, 255), metavar="LOW,HIGH",
        help="range of the inputs: 0,255 (default), 0,1, or none for inputs without one, such as features; "
        "--value-range=-1,1 with = where it starts with a minus",
    )  # fmt: skip
    export.add_argument(
        "--allow-host-ops", action="store_true", help="load a hub SavedModel in it that touches files or runs Python"
    )


def _choices(allowed: tuple[str, ...]):
    def parse(text: str) -> tuple[str, ...]:
        chosen = tuple(dict.fromkeys(text.split(",")))
        unknown = [name for name in chosen if name not in allowed]
        if unknown:
            raise argparse.ArgumentTypeError(f"choose from {','.join(allowed)}. Received: {','.join(unknown)}")
        return chosen

    return parse


def _share(text: str) -> float:
    return _number(text, 0, 1, "a share such as 0.97")


def _points(text: str) -> float:
    return _number(text, 0, 100, "points from 0 to 100, such as 1")


def _number(text: str, low: float, high: float, rule: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        raise argparse.ArgumentTypeError(f"{rule}. Received: {text}")
    return number


def check_files(arguments: argparse.Namespace) -> Path:
    """Returns the `.keras` file, or says what is wrong with the files that were given.

    Args:
        arguments: Those of the command.

    Raises:
        ValueError: If a file is not there, or the model no archive.
    """
    model = model_file(arguments.model)
    if not zipfile.is_zipfile(model):
        size = model.stat().st_size
        raise ValueError(f"MODEL must be a complete .keras file. Received: {model}, {size} bytes, no archive")
    for name in ("samples", "labels"):
        path = getattr(arguments, name)
        if path and str(path) != "folders" and not Path(path).exists():
            raise ValueError(f"`{name}` cannot be read (there is nothing of this name). Received: {path}")
    if arguments.labels and not arguments.samples:
        raise ValueError(f"--labels needs --samples, whose classes they are. Received: --labels {arguments.labels}")
    return model


def export_file(arguments: argparse.Namespace):
    """Writes the files that were asked for, verified, and prints and keeps a table of them.

    Raises:
        ValueError: If the model, the samples or the flags are not usable.
        ImportError: If a format needs an extra that is not installed.
        RuntimeError: If an operation has no place in a format, or a file does not give the model's answers.
    """
    path = check_files(arguments)
    check_places(arguments.out, [*planned(arguments.format, arguments.quantize), RECORD])
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # read once, when TensorFlow is imported
    import tlkeras.methods  # the classes that a saved TransferModel refers to
    from tlkeras.export.column_encoding import table_encoding
    from tlkeras.export.files import export_files
    from tlkeras.export.sample_files import read_samples
    from tlkeras.export.savedmodel import inference_model
    from tlkeras.export.table_files import export_table_files
    from tlkeras.report.metrics import write_json
    from tlkeras.report.tables import as_text, records_table

    model = tlkeras.load(path, allow_host_ops=arguments.allow_host_ops)
    encoding = table_encoding(inference_model(model))
    samples, labels = None, None
    if arguments.samples:
        samples, labels = read_samples(arguments.samples, arguments.labels, model, encoding)
    def record(directory, rows):
        write_json(directory / RECORD, {"model": path, "samples": arguments.samples, "files": rows})

    ranged = {} if encoding else {"value_range": arguments.value_range}
    rows = (export_table_files if encoding else export_files)(
        model, arguments.out, formats=arguments.format, quantizations=arguments.quantize, samples=samples,
        labels=labels, min_agreement=arguments.min_agreement, max_drop=arguments.max_drop, also=record, **ranged,
    )  # fmt: skip
    shown = [{name: value for name, value in row.items() if name not in LONG} for row in rows]
    print(as_text(records_table(shown)))
    begins = [row["begins_at"] for row in rows if "begins_at" in row]
    if begins:
        print(_beginning(begins, arguments.out))
    for row in rows:
        for layer, moved in row.get("float_layers", {}).items():
            print(f"{Path(row['path']).name}, operator {layer}: stays float32; alone in int8 it costs {moved:.2g}")


def _beginning(begins: list[str], directory: Path) -> str:
    """Return what the files take where it is not what the model takes."""
    of_table = begins[0] == "encoded"
    kind, maker, one = ("columns", "encode_table.py", "row") if of_table else ("texts", "tokenize_text.py", "text")
    who = "the SavedModel and model_columns.tflite take" if "columns" in begins else "the SavedModel takes"
    beside = f"; {maker} makes it of a {one}" if (directory / maker).exists() else ""
    return f"Only {who} {kind}: the other files take the output of the layer {begins[0]!r}{beside}."
