"""Targets with fewer classes than the source, or with others: what adapting gains or loses.

    python recipes/benchmarks/pacs_features.py --data DIR --out FEATURES
    python recipes/benchmarks/label_spaces.py --features FEATURES --results label_spaces.md

Features of PACS, classes in alphabetical order. *Partial*: all seven classes in the source, the first three in the
target; accuracy. *Open*: the first four in the source, all seven in the target, where the last three count as one,
`unknown`; accuracy on the known classes (mean over the classes), recall of the unknown, and their harmonic mean. A
classifier without a logit for `unknown` says so where its largest probability is below a threshold: one half, or the
best of 100, which only target labels could choose. Settings are those of `recipes/common/ways.py`, with its small
critic; last epoch. Each run is a file in `--out`, and what is there is not run again.
"""

import argparse
import itertools
import json
import statistics
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from recipes.benchmarks.suites import features_of_pacs  # noqa: E402
from recipes.common.adaptation import Budget, adapt, head  # noqa: E402
from recipes.common.ways import WAYS, Way  # noqa: E402
from tlkeras import methods  # noqa: E402
from tlkeras.report import versions, write_json  # noqa: E402

PAIRS = (("photo", "art_painting"), ("art_painting", "cartoon"), ("cartoon", "photo"))
PRESENT, KNOWN, STEPS = 3, 4, 2000
OPEN_SET = {"osbp": Way(lambda: [methods.OSBP()])}  # not among WAYS: it needs a logit for `unknown`
RUNS = {"partial": ("source", "dann_small", "iwan_small", "pada_small"), "open": ("source", "dann_small", "osbp")}
SCORES = ("known", "unknown", "harmonic mean")


def partial(source, target):
    """Returns source, target and the number of classes, the target without the last classes."""
    there = target[1] < PRESENT
    return source, (target[0][there], target[1][there]), int(source[1].max()) + 1


def opened(source, target):
    """Returns source, target and the number of known classes; the target's others have that number as their label."""
    known = source[1] < KNOWN
    return (source[0][known], source[1][known]), (target[0], np.minimum(target[1], KNOWN)), KNOWN


def predicted(name, source, inputs, classes, seed):
    """Trains one method and returns its probabilities on the target."""
    way = (WAYS | OPEN_SET)[name]
    keras.utils.set_random_seed(seed)
    entry = keras.Input((inputs.shape[1],), name="features")
    model = head(keras.Model(entry, entry), classes + (name in OPEN_SET), way.bottleneck)
    with tempfile.TemporaryDirectory() as state:
        adapt(model, way, source, inputs, Budget(STEPS, 1, seed, Path(state), backbone_rate=1.0))
    return keras.ops.convert_to_numpy(keras.ops.softmax(model.predict(inputs, batch_size=512, verbose=0)))


def open_scores(answers, labels):
    """Returns accuracy on the known classes, recall of the unknown, and their harmonic mean."""
    right = answers == labels
    known = float(np.mean([right[labels == label].mean() for label in range(KNOWN)]))
    unknown = float(right[labels == KNOWN].mean())
    return [known, unknown, 2 * known * unknown / max(known + unknown, 1e-9)]


def rows_of(task, name, probabilities, labels):
    """Returns `{row of the table: scores}` of one run."""
    if task == "partial":
        return {name: [float((probabilities.argmax(axis=1) == labels).mean())]}
    if name in OPEN_SET:
        return {name: open_scores(probabilities.argmax(axis=1), labels)}
    surest, answers = probabilities.max(axis=1), probabilities.argmax(axis=1)
    thresholds = [0.5, *np.quantile(surest, np.linspace(0.01, 1, 100))]
    fixed, *others = [open_scores(np.where(surest < bound, KNOWN, answers), labels) for bound in thresholds]
    return {f"{name}, threshold 0.5": fixed, f"{name}, best threshold": max(others, key=lambda found: found[2])}


def run(task, name, pair, seed, folder):
    """Trains one method on one pair and returns the rows of the table."""
    domains = features_of_pacs(folder, *pair)
    source, target, classes = (partial if task == "partial" else opened)(domains.source, domains.scored)
    return rows_of(task, name, predicted(name, source, target[0], classes, seed), target[1])


def table(task, found, seeds):
    """Returns the Markdown of `{(method, pair, seed): {row: scores}}`."""
    columns = [f"{a[0].upper()}>{b[0].upper()}" for a, b in PAIRS]
    header = ["method", *(SCORES if task == "open" else ["mean"]), *columns]
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    for name in RUNS[task]:
        for row in found[name, PAIRS[0], 0]:
            runs = [[found[name, pair, seed][row] for pair in PAIRS] for seed in range(seeds)]
            cells = [
                _spread([statistics.mean(run[k] for run in part) for part in runs]) for k in range(len(runs[0][0]))
            ]
            cells += [f"{100 * statistics.mean(part[k][-1] for part in runs):.1f}" for k in range(len(PAIRS))]
            lines.append(f"| {row} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _spread(values):
    mean = f"{100 * statistics.mean(values):.1f}"
    return f"{mean} ± {100 * statistics.stdev(values):.1f}" if len(values) > 1 else mean


def arguments() -> argparse.Namespace:
    """Returns the parsed flags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--features", type=Path, required=True, help="folder that pacs_features.py wrote")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0 .. SEEDS-1 (default: 3)")
    parser.add_argument("--out", type=Path, default=Path("runs/label_spaces"), help="folder of the runs")
    parser.add_argument("--results", type=Path, help="Markdown file to write")
    return parser.parse_args()


def main():
    """Runs what is missing, prints the tables, and writes them where asked."""
    flags = arguments()
    flags.out.mkdir(parents=True, exist_ok=True)
    parts = ["# Other classes in the target\n"]
    for task, names in RUNS.items():
        found = {}
        for seed, name, pair in itertools.product(range(flags.seeds), names, PAIRS):
            path = flags.out / f"{task}_{name}_{'_'.join(pair)}_{seed}.json"
            if not path.exists():
                keras.backend.clear_session()
                write_json(path, run(task, name, pair, seed, flags.features))
            found[name, pair, seed] = json.loads(path.read_text("utf-8"))
            print(task, name, *pair, seed, found[name, pair, seed], flush=True)
        parts.append(f"## {task}\n\n{table(task, found, flags.seeds)}\n")
    parts.append(
        f"`python recipes/benchmarks/label_spaces.py --features FEATURES --seeds {flags.seeds}`, {STEPS} steps; "
        + ", ".join(f"{key} {value}" for key, value in versions().items())
        + ".\n"
    )
    print("\n".join(parts))
    if flags.results:
        flags.results.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
