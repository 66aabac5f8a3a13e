"""Leave one speaker out: a model of all other speakers, source only and adapted to the unlabelled new one.

    python recipes/benchmarks/spoken_digits.py --data DIR/speech --out RESULTS --method mcc --seeds 3

Each speaker in turn is the new one; the settings are those of `recipes/spoken_digits.py`, for every speaker the same.
Accuracy on the new speaker after the last epoch. The models of the first seed are written as LiteRT files, which take
waveforms; agreement is that of the int8 file with the Keras model on all recordings of the new speaker but the 100 that
set its ranges. A run that is there already is not repeated.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path

import keras
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from recipes.common.compare import BASELINE, compare  # noqa: E402
from recipes.common.speech_flags import Flags  # noqa: E402
from recipes.common.speech_task import SpeechTask, speakers  # noqa: E402
from tlkeras import export  # noqa: E402
from tlkeras.report import versions, write_json  # noqa: E402

CALIBRATION = 100
HEADER = ("new speaker", "source only", "adapted", "gain", "float32 kB", "int8 kB", "agreement", "operators in float32")


def exported(task, model, folder, seed):
    """Returns what the LiteRT files of a model showed on the new speaker."""
    order = np.random.default_rng(seed).permutation(task.target_count)
    calibration, samples = (task.target_inputs(part) for part in (order[:CALIBRATION], order[CALIBRATION:]))
    plain = export.export_litert(model, folder / "float32.tflite", samples=samples, value_range=None)
    int8 = export.export_litert(
        model, folder / "int8.tflite", samples=samples, value_range=None, quantize="int8", calibration=calibration,
        min_agreement=0.5, max_drop=task.max_drop,
    )  # fmt: skip
    return {"float32": plain, "int8": int8}


def one_run(flags, folder, seed, files):
    """Trains both rows for one new speaker and returns the figures."""
    folder.mkdir(parents=True, exist_ok=True)
    task = SpeechTask(flags, folder)
    found = compare(task, flags, folder, seed)
    model = found.models[list(found.models)[-1]]
    rows = {name: row["target_accuracy_last"] for name, row in found.metrics["rows"].items()}
    guard = {"ships": found.metrics["ships"], "guard": found.metrics["guard"]["words"]}
    return {"rows": rows, **guard, "files": exported(task, model, folder, seed) if files else None}


def table(runs, method):
    """Returns the lines of the Markdown table."""
    lines, means = ["| " + " | ".join(HEADER) + " |", "| " + " | ".join(["---"] * len(HEADER)) + " |"], []
    for target, by_seed in runs.items():
        pairs = [(run["rows"][BASELINE], run["rows"][method]) for run in by_seed]
        files = by_seed[0]["files"]
        cells = [
            *_accuracies(pairs), f"{files['float32']['bytes'] / 1000:.0f}", f"{files['int8']['bytes'] / 1000:.0f}",
            f"{100 * files['int8']['agreement']:.1f}",
            f"{len(files['int8'].get('float_layers', ()))} of {files['int8'].get('operators', 'all')}",
        ]  # fmt: skip
        lines.append(f"| {target} | {' | '.join(cells)} |")
        means.append(pairs)
    pairs = [tuple(statistics.mean(column) for column in zip(*seed, strict=True)) for seed in zip(*means, strict=True)]
    return [*lines, f"| mean | {' | '.join([*_accuracies(pairs), *[''] * 4])} |"]


def _accuracies(pairs):
    columns = [*zip(*pairs, strict=True), [after - before for before, after in pairs]]
    spread = [f" ± {100 * statistics.stdev(column):.1f}" if len(column) > 1 else "" for column in columns]
    return [f"{100 * statistics.mean(column):.1f}{sd}" for column, sd in zip(columns, spread, strict=True)]


def main():
    """Runs all speakers and seeds, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of speakers")
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--method", default=Flags().method, help="as of the recipe")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    runs, method = {}, " + ".join(arguments.method.split(","))
    for seed in range(arguments.seeds):
        for target in speakers(arguments.data):
            folder = arguments.out / arguments.method / f"{target}_{seed}"
            done = folder / "figures.json"
            if not done.exists():
                keras.utils.clear_session()
                flags = Flags(data=str(arguments.data), target=target, method=arguments.method)
                write_json(done, one_run(flags, folder, seed, seed == 0))
            runs.setdefault(target, []).append(json.loads(done.read_text(encoding="utf-8")))
            print(target, seed, runs[target][-1]["rows"], flush=True)
    print(*table(runs, method), "", ", ".join(f"{key} {value}" for key, value in versions().items()), sep="\n")


if __name__ == "__main__":
    main()
