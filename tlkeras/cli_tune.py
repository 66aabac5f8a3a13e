"""`tlkeras tune RECIPE ... -- FLAGS`."""

import datetime
import os
import sys
from pathlib import Path

OPTIONS = ("search", "trials", "tuner", "objective", "seed", "seeds", "memory", "workers", "listen", "chief", "against")
TUNERS = ("random", "bayesian", "hyperband", "optuna")
FLAGS = {
    "`directory`": "--out",
    "`search`": "--search",
    "`objective`": "--objective",
    "`trials`": "--trials",
    "`epochs`": "--epochs",
    "`seed`": "--seed",
    "`tuner`": "--tuner",
    "`recipe`": "RECIPE",
    "`workers`": "--workers",
    "`listen`": "--listen",
    "`chief`": "--chief",
    "`against`": "--against",
}


class Interrupted(Exception):
    """Ctrl-C; the message says how to go on."""


def divided(argv):
    """Returns the arguments of the command, and those after `--`, which are the recipe's: argparse mixes them.

    Args:
        argv: All arguments.
    """
    argv = list(argv)
    if argv[:1] != ["tune"] or "--" not in argv:
        return argv, []
    place = argv.index("--")
    return argv[:place], argv[place + 1 :]


def add_tune(commands):
    """Adds the command and returns its parser.

    Args:
        commands: What `add_subparsers` returned.
    """
    tune = commands.add_parser(
        "tune", help="search over the flags of a recipe by a score that needs no target label",
        usage="tlkeras tune RECIPE [options] -- [flags of the recipe, the same in all trials]",
    )  # fmt: skip
    tune.add_argument("recipe", metavar="RECIPE", help="recipes/NAME.py, or the NAME alone")
    tune.add_argument(
        "--search", default="", metavar="SPEC",
        help="such as rate=1e-4..1e-1:log,depth=0|2|4,bottleneck: a NAME alone is searched as the recipe declares it; "
        "or a JSON file; default all that it declares",
    )  # fmt: skip
    tune.add_argument("--trials", type=int, default=30, help="models to train at most; default 30")
    tune.add_argument(
        "--tuner", choices=TUNERS, default="random",
        help="what proposes the values; default random; optuna also stops trials that lag behind",
    )  # fmt: skip
    tune.add_argument("--objective", default="", help="the score, higher is better; default the recipe's first")
    tune.add_argument(
        "--against", default="", metavar="COST",
        help="look for the best scores at each cost, such as bytes or latency of the file for a device; with the tuner "
        "optuna, which then stops no trial early; default none",
    )  # fmt: skip
    tune.add_argument("--out", type=Path, metavar="DIR", help="folder to write into; default runs/tune/TIME")
    tune.add_argument("--resume", action="store_true", help="go on with the search in --out")
    tune.add_argument("--seed", type=int, default=0, help="seed of the values and of every trial; default 0")
    tune.add_argument("--seeds", type=int, default=3, help="trainings of the best flags afterwards; default 3, 0: none")
    tune.add_argument(
        "--memory", type=int, default=2000, metavar="MB",
        help="go on in a new process when this one has grown so much: TensorFlow keeps what it compiles; default 2000",
    )  # fmt: skip
    tune.add_argument("--workers", type=int, default=0, help="processes that train, a trial each; default 0: this one")
    tune.add_argument(
        "--listen", default="", metavar="HOST:PORT",
        help="let workers on other machines join there, by --chief: in a network that you trust; default this machine",
    )  # fmt: skip
    tune.add_argument(
        "--chief", default="", metavar="HOST:PORT", help="join the search that listens there, with the same --out"
    )
    return tune


def tune_file(recipe, arguments):
    """Searches over the flags of a recipe, and prints where it wrote.

    Args:
        recipe: Path of its file.
        arguments: Those of the command; `flags` are the recipe's.

    Raises:
        Interrupted: On Ctrl-C.
        ValueError: If something does not fit, or no trial came to a score.
        OSError: If a file cannot be read or written.
    """
    if (arguments.resume or arguments.chief) and not arguments.out:
        raise ValueError("`--resume` and `--chief` need `--out`, the folder of the search. Received: no --out")
    out = arguments.out or Path("runs") / "tune" / datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # read once, when TensorFlow is imported
    from tlkeras.tuning import COMMAND, MemoryGrown, Request, tune

    request = Request(recipe, *(getattr(arguments, name) for name in OPTIONS))
    try:
        tune(request, arguments.flags, directory=out, resume=arguments.resume)
    except MemoryGrown as grown:
        print(f"{grown}: going on in a new process", flush=True)
        command, *flags = request.command(arguments.flags, out)
        os.execv(sys.executable, [*COMMAND, command, *(() if request.chief else ("--resume",)), *flags])
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted. {_go_on(request, out)}") from None
    except OSError as error:  # a full disk, most of all
        raise OSError(f"{error}. {_go_on(request, out)}") from error
    if not request.chief:
        print(f"\nWritten to {out}")


def _go_on(request, out):
    if request.chief:
        return "What ended is kept, and the chief gives the trial to another worker."
    if not (out / "plan.json").exists():
        return "Nothing was trained yet."
    return f"What ended is kept: go on with the same command and --resume --out {out}"
