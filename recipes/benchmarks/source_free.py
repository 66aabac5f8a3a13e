"""Adaptation without the source data: a trained model and the target alone, on PACS.

    python recipes/benchmarks/pacs_features.py --data DIR --out FEATURES
    python recipes/benchmarks/source_free.py --data FEATURES

The source model is the row `source` of `recipes/benchmarks/methods.py`; SHOT has one of its own, trained on labels
smoothed by 0.1 as its authors do. The source data are then overwritten, and of what is left, a model and the target
without its labels, come the answers: AdaBN (all of the target at once), Tent (a stream of batches of 32 in a random
order, each answered as it comes; once more with a prior of 32 rows) and SHOT (15 epochs). The settings are those of the
papers. Labels of the target score the last state; the smoothing was added when SHOT without it had been seen at 76.4.
Each pair and seed is a file in `--out`; what is there is not run again.
"""

import argparse
import functools
import itertools
import json
import statistics
import sys
import time
from pathlib import Path

import keras
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from recipes.benchmarks.methods import commit  # noqa: E402
from recipes.benchmarks.results import spread  # noqa: E402
from recipes.benchmarks.suites import SUITES  # noqa: E402
from recipes.common.adaptation import compiled  # noqa: E402
from recipes.common.ways import WAYS, Way  # noqa: E402
from tlkeras import data, methods, surgery, transfer  # noqa: E402
from tlkeras.report import versions, write_json  # noqa: E402

STREAM = 32  # rows of a batch that Tent answers
EPOCHS = 15  # SHOT, as its authors on photographs
SMOOTHING = 0.1  # of the labels of the source, likewise


def source_model(domains, suite, seed, smoothing=0.0):
    """Returns a classifier trained on the source, its labels smoothed or not."""
    keras.utils.set_random_seed(seed)
    way, steps = WAYS["source"], suite.steps // suite.epochs
    model = domains.model(way.bottleneck)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
    trained = compiled(model, way, backbone_rate=1.0, steps_per_execution=steps, loss=loss)
    inputs, labels = domains.source
    source = inputs, keras.utils.to_categorical(labels, model.output_shape[-1])
    batches = data.pair(source, domains.target, batch_size=way.batch_size, seed=seed, steps=steps)
    trained.fit(batches, epochs=suite.epochs, shuffle=False, verbose=0)
    return model


def source_only(model, target, seed):
    """Returns the logits of the target as the source model gives them."""
    return model.predict(target, batch_size=512, verbose=0)


def adabn(model, target, seed):
    """Returns the logits with BatchNorm statistics of the whole target."""
    return surgery.adapt_norms(model, target, batch_size=512).predict(target, batch_size=512, verbose=0)


def tent(model, target, seed, prior=0):
    """Returns the logits that a stream of small batches got, each when it came."""
    stream, order = transfer.Tent(model, prior=prior), np.random.default_rng(seed).permutation(len(target))
    answers = [stream.predict_on_batch(target[order[at : at + STREAM]]) for at in range(0, len(target), STREAM)]
    return np.concatenate(answers)[np.argsort(order)]


def shot(model, target, seed):
    """Returns the logits after SHOT has moved everything below the classifier, which is the source's; moves `model`."""
    model.get_layer("logits").trainable = False
    batch_size = 64
    steps = len(target) // batch_size
    way = Way(lambda: [methods.SHOT()], gamma=10 / (EPOCHS * steps), batch_size=batch_size)
    adapted = compiled(model, way, backbone_rate=1.0, steps_per_execution=steps)
    batches = data.views({"target": target}, batch_size=batch_size, seed=seed)
    adapted.fit(batches, epochs=EPOCHS, shuffle=False, verbose=0)
    return source_only(model, target, seed)


ROWS = {
    "source only": source_only,
    "AdaBN": adabn,
    "Tent": tent,
    "Tent, prior": functools.partial(tent, prior=STREAM),  # the source counts as much as a batch
    "SHOT": shot,
}


def run(suite, pair, seed, folder):
    """Trains on one source and returns `{row: {accuracy, largest_class, seconds}}` on one target."""
    domains = suite.load(folder, *pair)
    plain = source_model(domains, suite, seed)
    smoothed = source_model(domains, suite, seed, SMOOTHING)
    target, labels = domains.scored
    domains.source[0].fill(np.nan)  # the source data end here: whoever read them now would answer nothing
    del domains
    return {
        name: _scored(answer, smoothed if answer is shot else plain, target, labels, seed)
        for name, answer in ROWS.items()
    }


def _scored(answer, model, target, labels, seed):
    start = time.perf_counter()
    predicted = answer(model, target, seed).argmax(axis=1)
    return {
        "accuracy": float((predicted == labels).mean()),
        "largest_class": float(np.bincount(predicted).max() / len(predicted)),
        "seconds": round(time.perf_counter() - start, 1),
    }


def table(runs, pairs):
    """Returns the Markdown of the files of a run for each pair and seed."""
    names = [f"{source[0].upper()}>{target[0].upper()}" for source, target in pairs]
    header = ["method", "mean", "least gain", *names, "largest class", "seconds"]
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    for name in ROWS:
        means = [
            statistics.mean(run["rows"][name]["accuracy"] for run in runs if run["seed"] == seed)
            for seed in sorted({run["seed"] for run in runs})
        ]
        of_pair = [[run for run in runs if (run["source"], run["target"]) == pair] for pair in pairs]
        accuracies = [statistics.mean(run["rows"][name]["accuracy"] for run in found) for found in of_pair]
        gain = min(run["rows"][name]["accuracy"] - run["rows"]["source only"]["accuracy"] for run in runs)
        largest = max(run["rows"][name]["largest_class"] for run in runs)
        seconds = statistics.median(run["rows"][name]["seconds"] for run in runs)
        cells = [name, spread(means), f"{100 * gain:+.1f}", *(f"{100 * accuracy:.1f}" for accuracy in accuracies)]
        lines.append("| " + " | ".join([*cells, f"{100 * largest:.0f}", f"{seconds:.0f}"]) + " |")
    return "\n".join(lines)


def page(runs, pairs, seeds):
    """Returns the Markdown of the whole page."""
    facts = ", ".join(f"{key} {value}" for key, value in runs[0]["versions"].items())
    return f"""# Source-free and test-time adaptation

PACS, frozen MobileNetV2 0.35 at 224 pixels, head on cached features. A model trained on the source, whose data
are overwritten, and the target's images without labels: AdaBN on all of them, Tent on a stream of batches of {STREAM},
SHOT for {EPOCHS} epochs, from a model trained on labels smoothed by {SMOOTHING}. Target accuracy in percent, last
state: mean ± standard deviation over {seeds} seeds of the mean over the pairs. *Least gain*: over source only, in the
worst of all pairs and seeds. *Largest class*: percent of the rows in the class that is predicted most, in the worst
run; near 100 the predictions have collapsed. Seconds are the median of a run, training on the source not counted.

{table(runs, pairs)}

`python recipes/benchmarks/source_free.py --data FEATURES --seeds {seeds}`, \
commits {", ".join(sorted({run["commit"] for run in runs}))}; {facts}.
"""


def main():
    """Runs what is missing and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that pacs_features.py wrote")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0 .. SEEDS-1 (default: 3)")
    parser.add_argument("--out", type=Path, default=Path("runs/source_free"), help="folder of the runs")
    parser.add_argument("--results", type=Path, help="Markdown file to write (default: source_free.md in --out)")
    flags = parser.parse_args()
    suite, runs = SUITES["pacs"], []
    for seed, pair in itertools.product(range(flags.seeds), suite.pairs):
        path = flags.out / f"{pair[0]}_{pair[1]}_{seed}.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            keras.backend.clear_session()
            facts = {"source": pair[0], "target": pair[1], "seed": seed, "commit": commit(), "versions": versions()}
            write_json(path, {**facts, "rows": run(suite, pair, seed, flags.data)})
        runs.append(json.loads(path.read_text("utf-8")))
        found = ", ".join(f"{name} {100 * row['accuracy']:.1f}" for name, row in runs[-1]["rows"].items())
        print(f"{pair[0]} > {pair[1]} seed {seed}: {found}", flush=True)
    results = flags.results or flags.out / "source_free.md"
    results.write_text(page(runs, suite.pairs, flags.seeds), encoding="utf-8")
    print(f"Written to {results}")


if __name__ == "__main__":
    main()
