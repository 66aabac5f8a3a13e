"""`RESULTS.md` from the files that `recipes/benchmarks/methods.py` wrote."""

import json
import statistics
from pathlib import Path

from recipes.benchmarks.suites import SUITES
from tlkeras.report import write_json

COLUMNS = {"last": "target_accuracy_last", "selected": "target_accuracy_selected", "oracle": "target_accuracy_oracle"}


def write_results(path, folder):
    """Writes one table for each suite.

    Args:
        path: The Markdown file.
        folder: `pathlib.Path` with a folder for each suite.
    """
    parts = [
        "# Methods against source only\n\nMean ± standard deviation over the seeds of the mean over the pairs; target "
        "accuracy in percent. *Last* is the last epoch, *selected* the epoch with the best label-free score "
        "(information maximisation), *oracle* the epoch that target labels would choose, which nobody has. The columns "
        "of the pairs are of the last epoch. Seconds are of one run, compilation and scoring of each epoch included, "
        "and compare within a table only. `a+b` composes two methods with the settings of the first.\n"
    ]
    for name, suite in SUITES.items():
        runs = [json.loads(file.read_text("utf-8")) for file in sorted(Path(folder, name).rglob("*.json"))]
        methods = {
            method: [run for run in runs if run["method"] == method] for method in {run["method"] for run in runs}
        }
        whole = {method: found for method, found in methods.items() if _is_whole(found, suite)}
        if whole:
            parts.append(_section(name, suite, whole))
    Path(path).write_text("\n".join(parts), encoding="utf-8")


def write_selection(path, folder, methods, seeds):
    """Writes which of the methods scores best on the targets without their labels, with the scores of all.

    Args:
        path: The JSON file.
        folder: `pathlib.Path` with a folder for each method.
        methods: Names of the candidates.
        seeds: Number of seeds.
    """
    scores = {}
    for method in methods:
        runs = [json.loads(file.read_text("utf-8")) for file in Path(folder, method).glob("*.json")]
        scores[method] = statistics.mean(run["score"] for run in runs if run["seed"] < seeds)
    facts = {"selected": max(scores, key=scores.get), "selected_by": "information_maximization, last epoch"}
    write_json(path, {**facts, "seeds": seeds, "scores": scores})


def _section(name, suite, whole):
    runs = [run for found in whole.values() for run in found]
    rows = sorted((_row(method, found, suite) for method, found in whole.items()), key=lambda row: row[0])
    pairs = [f"{source[0].upper()}>{target[0].upper()}" for source, target in suite.pairs]
    header = ["method", *COLUMNS, *pairs, "seeds", "seconds"]
    table = [header, ["---"] * len(header), *(row[1] for row in rows)]
    commits = ", ".join(sorted({run["commit"] for run in runs}))
    versions = ", ".join(f"{key} {value}" for key, value in runs[0]["versions"].items())
    lines = [f"## {name}", "", suite.note + f" {suite.steps} steps.", ""]
    lines += ["| " + " | ".join(row) + " |" for row in table]
    if suite.curve:
        lines += ["", *_curves(whole, suite)]
    lines += ["", f"`python recipes/benchmarks/methods.py {name} --data DIR`, commits {commits}; {versions}.", ""]
    return "\n".join(lines)


def _curves(methods, suite):
    part = suite.steps // suite.epochs
    header = ["steps", *(str(part * (epoch + 1)) for epoch in range(suite.epochs))]
    yield "Mean over the seeds after so many steps:"
    yield ""
    for row in (header, ["---"] * len(header)):
        yield "| " + " | ".join(row) + " |"
    for method, runs in methods.items():
        means = [f"{100 * statistics.mean(values):.1f}" for values in zip(*(run["curve"] for run in runs), strict=True)]
        yield "| " + " | ".join([method, *means]) + " |"


def _is_whole(runs, suite):
    seeds = {run["seed"] for run in runs}
    return len(runs) == len(seeds) * len(suite.pairs)


def _row(method, runs, suite):
    seeds = sorted({run["seed"] for run in runs})
    means = {
        column: [statistics.mean(run[key] for run in runs if run["seed"] == seed) for seed in seeds]
        for column, key in COLUMNS.items()
    }
    by_pair = [
        statistics.mean(run[COLUMNS["last"]] for run in runs if (run["source"], run["target"]) == pair)
        for pair in suite.pairs
    ]
    seconds = f"{statistics.median(run['seconds'] for run in runs):.0f}"
    cells = [
        method,
        *map(spread, means.values()),
        *(f"{100 * value:.1f}" for value in by_pair),
        str(len(seeds)),
        seconds,
    ]
    return statistics.mean(means["last"]), cells


def spread(values):
    """Returns the mean of shares in percent, with the standard deviation where there are several."""
    mean = f"{100 * statistics.mean(values):.1f}"
    return f"{mean} ± {100 * statistics.stdev(values):.1f}" if len(values) > 1 else mean
