"""Other class shares in the target: how well they are recovered, and what the correction of the predictions gains.

    python recipes/benchmarks/pacs_features.py --data DIR --out FEATURES
    python recipes/benchmarks/label_shift.py --features FEATURES

Each domain of PACS by itself, so that nothing but the shares differs: half of the rows trains a head, a fifth is held
out for the confusion matrix, and the rest is the target, thinned out to class shares from 10 to 1, falling or rising
by equal factors over the classes in their order. BBSE reads the predictions on the target, MLLS the probabilities; the
correction is `surgery.prior_correction`. The target's labels only score.
"""

import argparse
import itertools
import statistics
import sys
from pathlib import Path

import keras
import numpy as np
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split

sys.path.insert(0, str(Path(__file__).parents[2]))
from recipes.benchmarks.suites import PACS  # noqa: E402
from recipes.common.adaptation import head  # noqa: E402
from tlkeras import ops, surgery  # noqa: E402
from tlkeras.report import versions  # noqa: E402

RATIO, DIRECTIONS = 10.0, ("falling", "rising")
KEPT = 0.01  # of the source's shares mixed into those found: a class that BBSE leaves nothing may still come
HEADER = ("domain", "shares", "error BBSE", "error MLLS", "accuracy", "after BBSE", "after MLLS", "target rows")


def fitted(features, labels, classes, seed):
    """Returns a classifier of features, trained by plain Keras."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((features.shape[1],), name="features")
    model = head(keras.Model(inputs, inputs), classes, 256)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss, jit_compile=True)
    model.fit(features, labels, batch_size=32, epochs=20, verbose=0)
    return model


def thinned(labels, direction, random):
    """Returns the rows of a target whose class shares go from one to ten, as many as there are."""
    counts = np.bincount(labels)
    shares = RATIO ** -np.linspace(0, 1, len(counts))[:: 1 if direction == "falling" else -1]
    wanted = (shares * (counts / shares).min()).astype(int)
    return np.concatenate(
        [random.permutation(np.flatnonzero(labels == label))[:count] for label, count in enumerate(wanted)]
    )


def runs_of(features, labels, seed):
    """Returns `{direction: [error BBSE, error MLLS, accuracy, after BBSE, after MLLS, rows]}` of one domain."""
    classes = int(labels.max()) + 1
    train, rest = train_test_split(np.arange(len(labels)), train_size=0.5, stratify=labels, random_state=seed)
    held, pool = train_test_split(rest, train_size=0.4, stratify=labels[rest], random_state=seed)
    model = fitted(features[train], labels[train], classes, seed)
    source = np.bincount(labels[train]) / len(train)
    confusion = confusion_matrix(labels[held], _logits(model, features[held]).argmax(axis=1))
    found = {}
    for direction in DIRECTIONS:
        rows = pool[thinned(labels[pool], direction, np.random.default_rng(seed))]
        logits, truth = _logits(model, features[rows]), np.bincount(labels[rows], minlength=classes) / len(rows)
        probabilities = keras.ops.convert_to_numpy(keras.ops.softmax(logits))
        priors = ops.bbse(confusion, logits.argmax(axis=1)), ops.mlls(probabilities, source)
        errors = [np.abs(prior - truth).mean() for prior in priors]
        mixed = [(1 - KEPT) * prior + KEPT * source for prior in priors]
        corrected = [_logits(surgery.prior_correction(model, source, prior), features[rows]) for prior in mixed]
        accuracies = [float((found.argmax(axis=1) == labels[rows]).mean()) for found in (logits, *corrected)]
        found[direction] = [*errors, *accuracies, len(rows)]
    return found


def _logits(model, features):
    return model.predict(features, batch_size=512, verbose=0)


def table(found, seeds):
    """Returns the Markdown of `{(domain, direction): [one list a seed]}`."""
    named = {f"{domain} | {direction}": runs for (domain, direction), runs in found.items()}
    mean = [[statistics.mean(runs[seed][k] for runs in found.values()) for k in range(6)] for seed in range(seeds)]
    lines = ["| " + " | ".join(HEADER) + " |", "|" + " --- |" * len(HEADER)]
    for name, runs in {**named, "all | both": mean}.items():
        cells = [_spread([run[k] for run in runs], 1 if k < 2 else 100, 3 if k < 2 else 1) for k in range(5)]
        lines.append(f"| {name} | {' | '.join(cells)} | {statistics.mean(run[5] for run in runs):.0f} |")
    return "\n".join(lines)


def _spread(values, factor, digits):
    mean = f"{factor * statistics.mean(values):.{digits}f}"
    return f"{mean} ± {factor * statistics.stdev(values):.{digits}f}" if len(values) > 1 else mean


def main():
    """Prints the table, and writes it where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--features", type=Path, required=True, help="folder that pacs_features.py wrote")
    parser.add_argument("--seeds", type=int, default=5, help="seeds 0 .. SEEDS-1: split and weights (default: 5)")
    parser.add_argument("--results", type=Path, help="Markdown file to write")
    flags = parser.parse_args()
    found = {(domain, direction): [] for domain in PACS for direction in DIRECTIONS}
    for domain, seed in itertools.product(PACS, range(flags.seeds)):
        with np.load(flags.features / f"{domain}.npz") as file:
            for direction, run in runs_of(file["features"], file["labels"], seed).items():
                found[domain, direction].append(run)
                print(f"{domain} {direction} seed {seed}: " + " ".join(f"{number:.3f}" for number in run), flush=True)
    text = f"""# Label shift

One domain of PACS, half of its rows for training; class shares of the target from 10 to 1, falling or rising by equal
factors over the classes. Error: mean absolute error of the shares found. Accuracy on the target in percent, before and
after the correction. Mean and standard deviation over {flags.seeds} seeds.

{table(found, flags.seeds)}

`python recipes/benchmarks/label_shift.py --features FEATURES --seeds {flags.seeds}`; \
{", ".join(f"{key} {value}" for key, value in versions().items())}.
"""
    print(text)
    if flags.results:
        flags.results.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
