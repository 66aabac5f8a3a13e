"""Methods x pairs of domains x seeds: the tables of `RESULTS.md`.

    python recipes/benchmarks/pacs_features.py --data DIR --out FEATURES
    python recipes/benchmarks/methods.py pacs --data FEATURES
    python recipes/benchmarks/methods.py pacs --data FEATURES --methods cdan,mcc,mcc+cdan --seeds 1
    python recipes/benchmarks/methods.py usps --data DIR/digits --methods source,dann,cdan   # also mnist_m
    python recipes/benchmarks/methods.py amazon --data DIR/text/amazon_dann_svmlight

The grid is the suite's pairs times the methods of `recipes/common/ways.py`, whose settings are those of their authors:
nothing was tuned here. Target labels score and choose nothing: `last` is the last epoch, `selected` the epoch with the
best label-free score, `oracle` the epoch that target labels would choose. `--selection` names the one of `--methods`
whose label-free score is best over all pairs and seeds. Each run is a file in `--out`; what is there is not run again,
so that an interrupted table goes on, and several processes may share the folder when each has methods of its own.
"""

import argparse
import dataclasses
import itertools
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import keras

sys.path.insert(0, str(Path(__file__).parents[2]))
from recipes.benchmarks.results import write_results, write_selection  # noqa: E402
from recipes.benchmarks.suites import SUITES  # noqa: E402
from recipes.common.adaptation import Budget, adapt  # noqa: E402
from recipes.common.scoring import scores  # noqa: E402
from recipes.common.ways import WAYS, composed  # noqa: E402
from tlkeras.report import versions, write_json  # noqa: E402
from tlkeras.validators import information_maximization  # noqa: E402


def run(suite, method, pair, seed, data):
    """Trains one method on one pair and returns its accuracies and its label-free score."""
    start = time.perf_counter()
    domains, way = suite.load(data, *pair), dataclasses.replace(composed(method.split("+")), **suite.settings)
    keras.utils.set_random_seed(seed)
    model = domains.model(way.bottleneck)
    with tempfile.TemporaryDirectory() as state:
        budget = Budget(suite.steps, suite.epochs, seed, Path(state), backbone_rate=1.0)
        history, select = adapt(model, way, domains.source, domains.target, budget, domains.scored)
    score = information_maximization(model.predict(domains.target, batch_size=512, verbose=0))
    seconds = round(time.perf_counter() - start, 1)
    found = scores(model, history, select, domains.scored)
    return {**found, "curve": history["val_accuracy"], "score": score, "seconds": seconds}


def commit():
    """Returns the commit of the checkout, with a `+` where it was changed since."""
    folder = Path(__file__).parent
    hash_ = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=folder, capture_output=True, text=True)
    changes = subprocess.run(["git", "status", "--porcelain", "-uno"], cwd=folder, capture_output=True, text=True)
    return hash_.stdout.strip() + ("+" if changes.stdout else "")


def arguments():
    """Returns the parsed flags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suite", choices=SUITES, help="what to run on")
    parser.add_argument("--data", type=Path, required=True, help="folder of the suite's data")
    parser.add_argument("--methods", default=",".join(WAYS), help="methods, separated by commas; a+b composes two")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0 .. SEEDS-1 (default: 3)")
    parser.add_argument("--out", type=Path, default=Path("runs/methods"), help="folder of the runs")
    parser.add_argument(
        "--selection", type=Path, help="JSON file for the method that scores best without target labels"
    )
    parser.add_argument("--results", type=Path, help="Markdown file to write (default: RESULTS.md in --out)")
    return parser.parse_args()


def main():
    """Runs what is missing and writes the table."""
    flags = arguments()
    suite, methods = SUITES[flags.suite], flags.methods.split(",")
    for method in methods:
        try:
            composed(method.split("+"))
        except ValueError as error:
            sys.exit(f"methods.py: `--methods`: {error}")
    runs = list(itertools.product(range(flags.seeds), methods, suite.pairs))
    for done, (seed, method, pair) in enumerate(runs):
        path = flags.out / flags.suite / method / f"{pair[0]}_{pair[1]}_{seed}.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            keras.backend.clear_session()
            facts = {"suite": flags.suite, "method": method, "source": pair[0], "target": pair[1], "seed": seed}
            facts |= {"commit": commit(), "steps": suite.steps, "versions": versions()}
            write_json(path, {**facts, **run(suite, method, pair, seed, flags.data)})
        last = json.loads(path.read_text("utf-8"))["target_accuracy_last"]
        print(f"{done + 1}/{len(runs)} {method} {pair[0]} > {pair[1]} seed {seed}: {100 * last:.1f}", flush=True)
    results = flags.results or flags.out / "RESULTS.md"
    write_results(results, flags.out)
    if flags.selection:
        write_selection(flags.selection, flags.out / flags.suite, methods, flags.seeds)
    print(f"Written to {results}")


if __name__ == "__main__":
    main()
