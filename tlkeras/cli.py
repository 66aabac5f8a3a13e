"""The `tlkeras` command: `run`, `export`, `bundle`, `verify`, `bench`, `rank`, `diagnose`, `tune`.

`--help` and `--version` must answer at once, so nothing heavy is imported at the top: NumPy, Keras and TensorFlow
live inside the commands that need them.
"""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

from tlkeras import cli_bench, cli_bundle, cli_diagnose, cli_export, cli_tune

CHECKOUT = Path(__file__).resolve().parents[1]
METRICS = ("logme", "h_score", "leep", "nce")
RANK_FLAGS = {
    "`directory`": "--data",
    "`backbones`": "--backbone",
    "`metric`": "--metric",
    "`skip_unreadable=True`": "--skip-unreadable",
}


class CommandError(Exception):
    """A mistake of the user: shown as one line, without a traceback."""


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Args:
        argv: The arguments; those of the process by default.
    """
    argv, flags = cli_tune.divided(sys.argv[1:] if argv is None else argv)
    arguments = _parser().parse_args(argv, argparse.Namespace(flags=flags))
    try:
        return arguments.command(arguments)
    except CommandError as error:
        print(f"tlkeras: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tlkeras", description="Transfer learning and domain adaptation for Keras 3.")
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run a recipe of the checkout", description=f"Recipes: {_recipe_list()}.")
    run.add_argument("name", help="the recipe: recipes/NAME.py")
    run.add_argument("flags", nargs=argparse.REMAINDER, help="flags of the recipe; --help shows them")
    run.set_defaults(command=run_recipe)
    cli_export.add_export(commands, _value_range).set_defaults(command=export_model)
    cli_bundle.add_bundle(commands, _value_range).set_defaults(command=bundle_model)
    cli_bundle.add_verify(commands).set_defaults(command=verify_bundle)
    cli_bench.add_bench(commands, _value_range).set_defaults(command=bench_files)
    _add_rank(commands)
    cli_diagnose.add_diagnose(commands).set_defaults(command=diagnose_domains)
    cli_tune.add_tune(commands).set_defaults(command=tune_recipe)
    return parser


def _add_rank(commands):
    rank = commands.add_parser("rank", help="score backbones on your labelled images, without training")
    rank.add_argument("--data", type=Path, required=True, metavar="DIR", help="a folder with one folder for each class")
    rank.add_argument(
        "--backbone", action="append", required=True, metavar="HANDLE",
        help="once for each: a SavedModel, a Keras application (MobileNetV2), or the .keras file of a classifier",
    )  # fmt: skip
    rank.add_argument("--metric", choices=METRICS, default="logme", help="the score to sort by; default logme")
    rank.add_argument("--out", type=Path, metavar="FILE.json", help="also write the scores there")
    rank.add_argument("--cache", type=Path, metavar="DIR", help="keep the features there for the next time")
    rank.add_argument("--skip-unreadable", action="store_true", help="leave out images that cannot be decoded")
    rank.set_defaults(command=rank_backbones)


class _Version(argparse.Action):
    def __call__(self, parser, namespace, values, option_string=None):
        import importlib.metadata

        print(f"tlkeras {importlib.metadata.version('tlkeras')}")
        parser.exit()


def _value_range(text: str) -> tuple[float, float] | None:
    if text == "none":
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low, high = 0, 0
    if not low < high:
        raise argparse.ArgumentTypeError(f"two rising numbers such as 0,1, or none. Received: {text}")
    return low, high


def _recipes() -> list[str]:
    return sorted(path.stem for path in (CHECKOUT / "recipes").glob("*.py") if not path.stem.startswith("_"))


def _recipe_list() -> str:
    return ", ".join(_recipes()) or "none here; they come with a checkout of the repository, not with the package"


def run_recipe(arguments: argparse.Namespace) -> int:
    """Run `recipes/NAME.py` in a child process and return its exit code (128 + signal if a signal ended it)."""
    if not _recipes():
        raise CommandError(
            "recipes come with a checkout, not with the package: clone the repository, `pip install -e .` in it, and "
            f"run this again (among them: digits). Received: {arguments.name!r}"
        )
    if arguments.name not in _recipes():
        raise CommandError(f"no such recipe. Known: {_recipe_list()}. Received: {arguments.name!r}")
    script = CHECKOUT / "recipes" / f"{arguments.name}.py"
    process = subprocess.Popen([sys.executable, str(script), *arguments.flags])
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    while True:
        try:
            code = process.wait()
            return code if code >= 0 else 128 - code
        except KeyboardInterrupt:  # the terminal sent SIGINT to the child as well: wait for what it makes of it
            continue


def export_model(arguments: argparse.Namespace) -> int:
    """Write the files of a model for serving or for a device, verified."""
    try:
        cli_export.export_file(arguments)
    except (ValueError, ImportError, OSError, RuntimeError) as error:
        raise CommandError(_with_flags(error, cli_export.FLAGS)) from error
    return 0


def bundle_model(arguments: argparse.Namespace) -> int:
    """Write a version of a bundle."""
    try:
        cli_bundle.bundle_model(arguments)
    except (ValueError, ImportError, OSError, RuntimeError) as error:
        raise CommandError(_with_flags(error, {**cli_export.FLAGS, **cli_bundle.FLAGS})) from error
    return 0


def verify_bundle(arguments: argparse.Namespace) -> int:
    """Check a bundle again, and return 2 where something is wrong with it."""
    try:
        return 2 if cli_bundle.verify_bundle(arguments) else 0
    except (ValueError, OSError) as error:
        raise CommandError(_with_flags(error, cli_bundle.VERIFY_FLAGS)) from error


def rank_backbones(arguments: argparse.Namespace) -> int:
    """Score every backbone on the images, print a table, best first, and write it where asked."""
    if not arguments.data.is_dir():
        raise CommandError(f"--data must be a folder with one folder for each class. Received: {arguments.data}")
    if arguments.out and arguments.out.is_dir():
        raise CommandError(f"--out must be the name of a file. Received the folder: {arguments.out}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # read once, when TensorFlow is imported
    import tlkeras.methods  # the classes that a saved TransferModel refers to
    from tlkeras.report.metrics import write_json
    from tlkeras.report.tables import as_text, records_table

    try:
        backbones = {
            handle: tlkeras.load(handle) if handle.endswith(".keras") else tlkeras.backbones.from_handle(handle)
            for handle in arguments.backbone
        }
        images = tlkeras.data.image_folder(arguments.data, (224, 224), skip_unreadable=arguments.skip_unreadable)
        rows = tlkeras.transferability.rank(backbones, images, metric=arguments.metric, directory=arguments.cache)
    except (ValueError, OSError, RuntimeError) as error:
        raise CommandError(_with_flags(error, RANK_FLAGS)) from error
    print(as_text(records_table(rows)))
    print(f"{len(images)} images, best {arguments.metric} first. Only a classifier has leep and nce: – elsewhere.")
    if arguments.out:
        content = {"data": arguments.data, "counts": images.counts, "metric": arguments.metric, "backbones": rows}
        write_json(arguments.out, content)
    return 0


def bench_files(arguments: argparse.Namespace) -> int:
    """Measure LiteRT files side by side on this machine."""
    try:
        cli_bench.bench_files(arguments)
    except (ValueError, OSError, RuntimeError) as error:
        raise CommandError(_with_flags(error, cli_bench.FLAGS)) from error
    return 0


def diagnose_domains(arguments: argparse.Namespace) -> int:
    """Say how far two folders of images are apart, and which methods to try first."""
    try:
        cli_diagnose.diagnose_folders(arguments)
    except (ValueError, OSError, RuntimeError) as error:
        raise CommandError(_with_flags(error, cli_diagnose.FLAGS)) from error
    return 0


def tune_recipe(arguments: argparse.Namespace) -> int:
    """Search over the flags of a recipe, and train it with the best of them."""
    name = arguments.recipe
    path = Path(name) if name.endswith(".py") else CHECKOUT / "recipes" / f"{name}.py"
    if not path.is_file():
        raise CommandError(f"RECIPE must be recipes/NAME.py. Known: {_recipe_list()}. Received: {name!r}")
    try:
        cli_tune.tune_file(path, arguments)
    except cli_tune.Interrupted as error:
        raise CommandError(str(error)) from None
    except (ValueError, ImportError, OSError) as error:
        raise CommandError(_with_flags(error, cli_tune.FLAGS)) from error
    return 0


def _with_flags(error: Exception, flags: dict[str, str]) -> str:
    message = str(error)
    for argument, flag in flags.items():
        message = message.replace(argument, flag)
    return message
