"""MNIST to MNIST-M: SHOT against source only with the same augmentation, and the accuracy against the steps.

    python recipes/benchmarks/mnist_m.py --data DIR/digits

MNIST-M shows digits in front of photographs, light on dark or dark on light, so that in every row images are inverted
half of the time in training. *Source only* is the DANN paper's network from scratch. SHOT needs a bottleneck with
BatchNorm before its classifier and labels smoothed by 0.1: its own source model, the convolutions of that network
under such a head, is trained for the first steps and is the first point of its curve; then the source is not read any
more. Source only has the same labels and as many steps as both stages of SHOT together.

Labels of the target score and choose nothing in the seeds shown. The 40 epochs and `beta`, that of SHOT's paper for
digits, were settled on seed 0, which is not shown. Each run is a file in `--out`; what is there is not run again.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path

import keras

sys.path.insert(0, str(Path(__file__).parents[2]))
from recipes.benchmarks.methods import commit  # noqa: E402
from recipes.benchmarks.results import spread  # noqa: E402
from recipes.benchmarks.suites import SUITES  # noqa: E402
from recipes.common.adaptation import compiled, head  # noqa: E402
from recipes.common.ways import Way  # noqa: E402
from tlkeras import data, methods  # noqa: E402
from tlkeras.report import versions, write_json  # noqa: E402

BATCH = 64
EPOCHS = 40  # of SHOT
EVERY = 5  # epochs between two points of the curve
SOURCE_PARTS = 2  # points of the curve for which SHOT's source model trains
SMOOTHING = 0.1
SEEDS = (1, 2, 3)


def bottlenecked(domains):
    """Returns the convolutions of the suite's network under a bottleneck with BatchNorm."""
    whole = domains.model(100)
    flat = next(layer for layer in whole.layers if isinstance(layer, keras.layers.Flatten))
    return head(keras.Model(whole.input, flat.output), 10, 256)


def train_on_source(model, domains, seed, part, parts):
    """Trains on the source and returns the accuracy on the target after each part of the steps."""
    rate = keras.optimizers.schedules.CosineDecay(1e-3, part * parts)
    way = Way(list, batch_size=BATCH, optimizer=lambda: keras.optimizers.Adam(rate))
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=SMOOTHING)
    trained = compiled(model, way, backbone_rate=1.0, steps_per_execution=part, loss=loss)
    inputs, labels = domains.source
    source = inputs, keras.utils.to_categorical(labels, 10)
    batches = data.pair(source, domains.target, batch_size=BATCH, seed=seed, steps=part, value_range=None)
    images, answers = domains.scored
    scored = images, keras.utils.to_categorical(answers, 10)
    history = trained.fit(
        batches, epochs=parts, shuffle=False, verbose=0, validation_data=scored, validation_batch_size=512
    )
    return history.history["val_accuracy"]


def adapt(model, domains, seed):
    """Moves everything below the classifier by SHOT, and returns the accuracy after every `EVERY` epochs."""
    model.get_layer("logits").trainable = False
    steps = EPOCHS * (len(domains.target) // BATCH)
    way = Way(lambda: [methods.SHOT(beta=0.1)], gamma=10 / steps, batch_size=BATCH)
    adapted = compiled(model, way, backbone_rate=1.0, steps_per_execution=1)
    batches = data.views({"target": domains.target}, batch_size=BATCH, seed=seed)
    history = adapted.fit(
        batches, epochs=EPOCHS, shuffle=False, verbose=0, validation_data=domains.scored, validation_batch_size=512,
        validation_freq=EVERY,
    )  # fmt: skip
    return history.history["val_accuracy"]


def source_only(domains, seed, part):
    """Returns the curve of the paper's network."""
    return train_on_source(domains.model(100), domains, seed, part, SOURCE_PARTS + EPOCHS // EVERY)


def shot(domains, seed, part):
    """Returns the curve of SHOT, which begins with that of its source model."""
    model = bottlenecked(domains)
    return train_on_source(model, domains, seed, part, SOURCE_PARTS) + adapt(model, domains, seed)


ROWS = {"source only": source_only, "SHOT": shot}


def page(runs, part):
    """Returns the Markdown of the page."""
    parts = len(next(iter(runs.values()))[0]["curve"])
    lines = ["| steps | " + " | ".join(str(part * (index + 1)) for index in range(parts)) + " |"]
    lines.append("|" + " --- |" * (parts + 1))
    for name, found in runs.items():
        cells = [spread(values) for values in zip(*(run["curve"] for run in found), strict=True)]
        lines.append("| " + " | ".join([name, *cells]) + " |")
    gain = [100 * (after["curve"][-1] - before["curve"][-1]) for before, after in zip(*runs.values(), strict=True)]
    some = next(iter(runs.values()))
    facts = ", ".join(f"{key} {value}" for key, value in some[0]["versions"].items())
    return f"""# MNIST to MNIST-M

10,000 images of MNIST, MNIST-M made of others, {len(some)} seeds, test images that were not adapted to: accuracy in
percent, mean ± standard deviation. Images are inverted half of the time in training in both rows. SHOT's first
{SOURCE_PARTS} points are its source model. At the last step SHOT is {statistics.mean(gain):+.1f} points from source
only, in the worst seed {min(gain):+.1f}.

{chr(10).join(lines)}

`python recipes/benchmarks/mnist_m.py --data DIR/digits`, \
commits {", ".join(sorted({run["commit"] for found in runs.values() for run in found}))}; {facts}.
"""


def main():
    """Runs what is missing and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of mnist.npz and mnist_m.npz")
    parser.add_argument("--out", type=Path, default=Path("runs/mnist_m"), help="folder of the runs")
    parser.add_argument("--results", type=Path, help="Markdown file to write (default: mnist_m.md in --out)")
    flags = parser.parse_args()
    suite, runs = SUITES["mnist_m"], {name: [] for name in ROWS}
    domains = suite.load(flags.data, *suite.pairs[0])
    part = EVERY * (len(domains.target) // BATCH)
    for seed in SEEDS:
        for name, row in ROWS.items():
            path = flags.out / f"{name.replace(' ', '_')}_{seed}.json"
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                keras.backend.clear_session()
                keras.utils.set_random_seed(seed)
                write_json(path, {"curve": row(domains, seed, part), "commit": commit(), "versions": versions()})
            runs[name].append(json.loads(path.read_text("utf-8")))
            print(f"{name} seed {seed}: {[f'{100 * value:.1f}' for value in runs[name][-1]['curve']]}", flush=True)
    results = flags.results or flags.out / "mnist_m.md"
    results.write_text(page(runs, part), encoding="utf-8")
    print(f"Written to {results}")


if __name__ == "__main__":
    main()
