"""Chooses the settings of `recipes/digits.py` without opening a target label.

Every setting of the grid is trained with every seed, and scored by information maximisation on the unlabelled target
after the last epoch. The setting with the best mean over the seeds is the pick. Grid, scores and pick are written to
`digits_selection.json` beside this file after every run; a run that was interrupted goes on.

    python recipes/benchmarks/digits_selection.py
"""

import argparse
import dataclasses
import itertools
import json
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from recipes import digits  # noqa: E402
from recipes.common.digit_tasks import fonts_to_uci  # noqa: E402
from tlkeras.report import write_json  # noqa: E402
from tlkeras.validators import information_maximization  # noqa: E402

GRID = {"strength": (0.3, 1.0), "mcc": (0.0, 1.0), "forward": ("joint", "per_view"), "critic_norm": (False, True)}
FIXED = {key: value for key, value in dataclasses.asdict(digits.Flags()).items() if key not in GRID}
OUT = Path(__file__).with_suffix(".json")


def score(settings, seed):
    """Trains one setting with one seed and returns its label-free score after the last epoch."""
    flags = digits.Flags(**settings)
    task = fonts_to_uci(flags.images, seed, scored=False)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "checkpoints" / "row"
        model, _, _ = digits.train(task, flags, place, seed, chosen=lambda: digits.default(task, flags))
    return information_maximization(model.predict(task.target, batch_size=599, verbose=0))


def main():
    """Fills the grid and writes the pick."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0 .. SEEDS-1 for each setting (default: 3)")
    parser.add_argument("--out", type=Path, default=OUT, help=f"file to write (default: {OUT.name} beside this file)")
    arguments = parser.parse_args()
    settings = [dict(zip(GRID, values, strict=True)) for values in itertools.product(*GRID.values())]
    started = json.loads(arguments.out.read_text("utf-8")) if arguments.out.exists() else {"fixed": FIXED, "runs": []}
    if started["fixed"] != FIXED:
        sys.exit(f"`--out` was made with other flags: name another file. Received: {started['fixed']}, now {FIXED}")
    done = started["runs"]
    for seed, setting in itertools.product(range(arguments.seeds), settings):
        if any(run["settings"] == setting and run["seed"] == seed for run in done):
            continue
        done.append({"settings": setting, "seed": seed, "score": score(setting, seed)})
        print(done[-1])
        write_json(arguments.out, {"grid": GRID, "fixed": FIXED, "runs": done})
    ranking = [{"settings": setting, **_summary(done, setting)} for setting in settings]
    ranking.sort(key=lambda row: -row["mean"])
    pick = ranking[0]["settings"]
    selected_by = "information_maximization on the unlabelled target, last epoch, mean over seeds"
    summary = {"selected_by": selected_by, "pick": pick, "ranking": ranking}
    write_json(arguments.out, {**summary, "grid": GRID, "fixed": FIXED, "runs": done})
    print(json.dumps({"pick": pick, "ranking": ranking}, indent=2))


def _summary(runs, setting):
    scores = [run["score"] for run in runs if run["settings"] == setting]
    return {"mean": statistics.mean(scores), "sd": statistics.stdev(scores) if len(scores) > 1 else 0.0}


if __name__ == "__main__":
    main()
