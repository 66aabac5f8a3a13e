"""What every recipe promises around its own lines: flags, a run folder, seeds, resuming, a clean end on Ctrl-C."""

import argparse
import dataclasses
import json
import logging
import os
import shutil
import statistics
import sys
from pathlib import Path

from recipes.common.run_folder import open_folder, withdraw
from recipes.common.users_input import InputError, users_input
from tlkeras.report import write_json


def flag(default, text):
    """Returns a dataclass field with a help string."""
    return dataclasses.field(default=default, metadata={"help": text})


def run_recipe(name, description, flags_class, run_seed, summarize=None):
    """Parses the flags and calls `run_seed(flags, folder, seed)` for each seed; it returns the seed's metrics.

    One seed writes into `--out` itself, several into `seed_0`, `seed_1`, ... with `metrics.json` of all above.

    Args:
        name: Name of the recipe; the default folder is `runs/NAME/TIME`.
        description: First line of `--help`.
        flags_class: Dataclass whose fields were made by `flag`.
        run_seed: Function of the flags, the folder (existing) and the seed.
        summarize: Function of the folder and the metrics of all seeds, called after several.
    """
    script = Path(sys.argv[0]).name
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # one model after another is no retracing to warn of
    arguments = _parse(description, flags_class)
    seeds = [arguments.seed] if arguments.seeds is None else list(range(arguments.seeds))
    try:
        with users_input():
            flags = _flags(arguments, flags_class)
            out = open_folder(name, arguments, flags, seeds)
    except InputError as error:
        sys.exit(f"{script}: {error}")
    go_on = f"Complete so far: {out}. Go on with the same flags and `--resume --out {out}`."
    try:
        metrics = [_run_one(out if len(seeds) == 1 else out / f"seed_{seed}", run_seed, flags, seed) for seed in seeds]
    except KeyboardInterrupt:
        sys.exit(f"\nInterrupted. {go_on}")
    except InputError as error:
        if not arguments.resume:
            withdraw(out)
        sys.exit(f"{script}: {error}")
    except OSError as error:  # a full disk, most of all
        sys.exit(f"{script}: {error}\n{go_on}")
    started = json.loads((out / "config.json").read_text(encoding="utf-8"))
    write_json(out / "config.json", {**started, "backbone_fingerprint": metrics[0]["backbone_fingerprint"]})
    if len(seeds) > 1:
        write_json(out / "metrics.json", {**_spread(metrics), "seed": seeds, "runs": metrics})
        if summarize:
            summarize(out, metrics)
    print(f"\nWritten to {out}")
    return metrics


def _run_one(folder, run_seed, flags, seed):
    """Returns the metrics of one seed, from its file when it is done already."""
    folder.mkdir(exist_ok=True)
    done = folder / "metrics.json"
    if not done.exists():
        write_json(done, run_seed(flags, folder, seed))
        for place in ("checkpoints", "cache"):
            shutil.rmtree(folder / place, ignore_errors=True)
    return json.loads(done.read_text(encoding="utf-8"))


def save_model(model, path):
    """Saves a Keras model so that the file is there complete or not at all."""
    fresh = path.with_name(f"new_{path.name}")
    model.save(fresh)
    os.replace(fresh, path)


def _parse(description, flags_class):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--config", type=Path, help="JSON file of flags; the command line wins over it")
    parser.add_argument("--out", type=Path, help="folder to write into (default: runs/NAME/TIME)")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--seed", type=_at_least(0), default=0, help="one run with this seed (default: 0)")
    group.add_argument("--seeds", type=_at_least(1), help="runs with the seeds 0 .. SEEDS-1, and their mean and spread")
    parser.add_argument("--resume", action="store_true", help="go on with the interrupted run in --out")
    for field in dataclasses.fields(flags_class):
        option = "--" + field.name.replace("_", "-")
        text = f"{field.metadata['help']} (default: {field.default})"
        if field.type is bool:
            switch = argparse.BooleanOptionalAction if field.default else "store_true"
            parser.add_argument(option, action=switch, default=None, help=text)
        else:
            parser.add_argument(option, type=field.type, default=None, help=text)
    return parser.parse_args()


def _at_least(lowest):
    def number(text):
        if int(text) < lowest:
            raise argparse.ArgumentTypeError(f"must be at least {lowest}. Received: {text}")
        return int(text)

    return number


def _flags(arguments, flags_class):
    """Returns the flags of `--config` (also the `config.json` of a run), overruled by the command line."""
    values = {}
    names = [field.name for field in dataclasses.fields(flags_class)]
    if arguments.config:
        values = json.loads(arguments.config.read_text(encoding="utf-8"))
        values = values.get("flags", values)
        unknown = sorted(set(values) - set(names))
        if unknown:
            raise ValueError(f"--config names unknown flags; known are {names}. Received: {unknown}")
    given = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    return flags_class(**{**values, **given})


def _spread(runs):
    """Returns mean and standard deviation of every number over the seeds; else what all say, or what each says."""
    first = runs[0]
    if isinstance(first, dict):
        return {key: _spread([run[key] for run in runs]) for key in first if all(key in run for run in runs)}
    if all(isinstance(run, int | float) and not isinstance(run, bool) for run in runs):
        return {"mean": statistics.mean(runs), "sd": statistics.stdev(runs)}
    return first if isinstance(first, list) or all(run == first for run in runs) else runs
