"""`tlkeras bundle` and `tlkeras verify`: a versioned directory that a model can be handed on as.

Nothing heavy is imported at the top, as in `tlkeras.cli`.
"""

import argparse
import dataclasses
import json
import os
from pathlib import Path

from tlkeras import cli_export
from tlkeras.bundle.run_folder import read_run
from tlkeras.cli_export import LONG, check_files

FLAGS = {
    "`folder`": "--name",
    "`class_names`": "--class-names",
    "`version`": "--version",
    "`page`": "--page",
    "`formats`": "--format",
}
VERIFY_FLAGS = {"`path`": "BUNDLE"}


def add_bundle(commands, value_range) -> argparse.ArgumentParser:
    """Adds the command to the subparsers and returns its parser.

    Args:
        commands: What `add_subparsers` returned.
        value_range: The function that reads `--value-range`.
    """
    parser = commands.add_parser(
        "bundle", help="write a version of saved_models/NAME: files, labels, card, sums, predict.py, a page",
        description="Some of the samples travel with the bundle.",
    )  # fmt: skip
    parser.add_argument("model", type=Path, help="a .keras file, or the folder of a recipe's run")
    parser.add_argument("--name", required=True, help="of the bundle")
    parser.add_argument("--root", type=Path, default=Path("saved_models"), metavar="DIR", help="default saved_models")
    parser.add_argument(
        "--version", type=int, metavar="N", help="number of a version that is not there yet; default the next one"
    )
    parser.add_argument(
        "--class-names", type=Path, metavar="FILE.txt",
        help="names of the classes, one a line, in the order of the outputs; default what the run says, or numbers",
    )  # fmt: skip
    parser.add_argument("--licence", default="", metavar="TEXT", help="licence of the backbone, for the card")
    parser.add_argument(
        "--page", action="store_true", help="also write a page that runs the model in a browser; npm fetches LiteRT.js"
    )
    cli_export.add_files(parser, value_range)
    return parser


def add_verify(commands) -> argparse.ArgumentParser:
    """Adds the command to the subparsers and returns its parser."""
    parser = commands.add_parser(
        "verify", help="check a bundle: every byte, and every file by its own runtime on the samples in it",
        description="It runs predict.py and the SavedModel of the bundle, which are programs of whoever wrote it.",
    )  # fmt: skip
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="directory of one version, saved_models/NAME/1")
    return parser


def bundle_model(arguments: argparse.Namespace):
    """Writes a version of a bundle and prints what is in it.

    Raises:
        ValueError: If the model, the samples or the flags are not usable.
        OSError: If something cannot be read or written.
        RuntimeError: If a file does not give the model's answers.
    """
    path, about = check_files(arguments), read_run(arguments.model)
    names = _names(arguments.class_names) if arguments.class_names else about.class_names
    about = dataclasses.replace(about, class_names=names, licence=arguments.licence)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # read once, when TensorFlow is imported
    import tlkeras.methods  # the classes that a saved TransferModel refers to
    from tlkeras.bundle import write_bundle
    from tlkeras.export.sample_files import read_samples
    from tlkeras.report.tables import as_text, records_table

    model = tlkeras.load(path, allow_host_ops=arguments.allow_host_ops)
    export = {
        "formats": arguments.format,
        "quantizations": arguments.quantize,
        "min_agreement": arguments.min_agreement,
        "max_drop": arguments.max_drop,
        "value_range": arguments.value_range,
    }
    if arguments.samples:
        export["samples"], export["labels"] = read_samples(arguments.samples, arguments.labels, model)
    written = write_bundle(
        model, arguments.root / arguments.name, export=export, about=about, version=arguments.version,
        page=arguments.page,
    )  # fmt: skip
    facts = json.loads((written / "bundle.json").read_text(encoding="utf-8"))
    shown = [{name: value for name, value in row.items() if name not in LONG} for row in facts["files"]]
    print(as_text(records_table(shown)))
    if about.class_names is None:
        print("No names of the classes are known: labels.txt holds numbers. --class-names FILE.txt gives them.")
    print(f"\nWritten to {written}")


def verify_bundle(arguments: argparse.Namespace) -> list[dict]:
    """Prints a table of the checks and returns those that failed.

    Raises:
        ValueError: If it is no bundle.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # read once, when TensorFlow is imported
    from tlkeras.bundle.verify import failures, verify_bundle
    from tlkeras.report.tables import as_text, records_table

    rows = verify_bundle(arguments.bundle)
    print(as_text(records_table(rows)))
    failed = failures(rows)
    count = f"{len(failed)} check{'s' if failed[1:] else ''} failed"
    print(f"\n{arguments.bundle}: {count if failed else 'nothing is wrong'}")
    return failed


def _names(path: Path) -> tuple[str, ...]:
    try:
        return tuple(path.read_text(encoding="utf-8").splitlines())
    except UnicodeDecodeError as error:
        raise ValueError(f"--class-names cannot be read as text in UTF-8. Received: {path}") from error
