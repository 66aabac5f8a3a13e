"""Trained models to choose from: what each of them says of the target, and how right it is there.

    python recipes/benchmarks/pacs_features.py --data DIR --out FEATURES
    python recipes/benchmarks/pool.py --features FEATURES --data DIR --out POOL

For each pair of domains: source only, and six methods at a third of their weight, at it and at ten times of it, with
three seeds. A fifth of the source is held out. After each fifth of the training the evidence that a validator may look
at is kept, of at most 1000 target rows and as many of the held-out source rows; the accuracy beside it is of the same
target rows, and is for `choosing.py` to judge the choice by. The settings are those of `recipes/common/ways.py`,
but for smaller critics and fewer steps. Each run is a file; what is there is not run again.
"""

import argparse
import dataclasses
import functools
import itertools
import sys
import time
from pathlib import Path

import keras
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from recipes.benchmarks.suites import SUITES, Domains  # noqa: E402
from recipes.common.adaptation import by_domain, compiled, head, of_target  # noqa: E402
from recipes.common.digit_tasks import fonts_to_uci  # noqa: E402
from recipes.common.ways import WAYS, Way  # noqa: E402
from tlkeras import data, methods, validators  # noqa: E402

CHECKPOINTS, ROWS, HELD_OUT = 5, 1000, 0.2
STEPS = {"pacs": 600, "amazon": 300, "glyphs": 600}
WEIGHTS = (0.3, 1.0, 10.0)
CRITIC = (256,)  # small, so that hundreds of runs are affordable
METHODS = {
    "dann": lambda weight: methods.DANN(hidden=CRITIC, weight=weight),
    "cdan": lambda weight: methods.CDAN(hidden=CRITIC, weight=weight),
    "coral": methods.CORAL,
    "mdd": lambda weight: methods.MDD(hidden=(), weight=weight),
    "mcc": methods.MCC,
    "entropy": methods.Entropy,
}
PAIRS = (
    ("amazon", "books", "kitchen"),
    ("amazon", "electronics", "dvd"),
    ("glyphs", "fonts", "digits"),
    ("glyphs", "digits", "fonts"),
    ("pacs", "art_painting", "photo"),
    ("pacs", "cartoon", "photo"),
    ("pacs", "photo", "cartoon"),
    ("pacs", "art_painting", "photo shifted"),
)
SHIFT = 10.0  # of the first class to the last


@dataclasses.dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        suite: Key of `SUITES`.
        source: Name of the domain.
        target: Name of the domain; with ` shifted`, a tenth of its last class and more of each before it.
        method: Key of `METHODS`, or `source`.
        weight: Factor on the term.
        seed: Seed.
    """

    suite: str
    source: str
    target: str
    method: str
    weight: float
    seed: int

    @property
    def name(self):
        """The name of its file."""
        pair = f"{self.suite}_{self.source}_{self.target}".replace(" ", "-")
        return f"{pair}/{self.method}_{self.weight:g}_{self.seed}.npz"


def runs(seeds):
    """Returns every `Run`, seed by seed."""
    candidates = [("source", 0.0), *itertools.product(METHODS, WEIGHTS)]
    return [Run(*pair, *candidate, seed) for seed in range(seeds) for pair in PAIRS for candidate in candidates]


@functools.cache
def domains_of(suite, folder, source, target):
    """Returns the `Domains` of a pair, its target resampled where it is shifted."""
    target, _, shifted = target.partition(" ")
    domains = SUITES[suite].load(folder, source, target) if suite in SUITES else glyphs(source)
    if not shifted:
        return domains
    inputs, labels = domains.scored
    chance = SHIFT ** (-labels / labels.max())
    rows = np.flatnonzero(np.random.default_rng(0).random(len(labels)) < chance)
    return dataclasses.replace(domains, target=domains.target[rows], scored=(inputs[rows], labels[rows]))


def glyphs(source):
    """Returns rendered and handwritten digits as features of the backbone in `saved_models`."""
    task = fonts_to_uci(3000, seed=0)
    backbone = task.backbone(False)
    images = {"fonts": task.source, "digits": task.scored}
    features = {name: (backbone.predict(x, batch_size=500, verbose=0), y) for name, (x, y) in images.items()}
    target = features["digits" if source == "fonts" else "fonts"]
    inputs = keras.Input(target[0].shape[1:], name="features")
    return Domains(features[source], target[0], target, lambda width: head(keras.Model(inputs, inputs), 10, width))


def train(run, domains):
    """Trains one model and returns the arrays of its file."""
    start = time.perf_counter()
    settings = SUITES[run.suite].settings if run.suite in SUITES else {}
    steps = STEPS[run.suite] // CHECKPOINTS
    way = dataclasses.replace(WAYS[run.method], **settings) if run.method in WAYS else Way(**settings)
    if run.method != "source":
        factor = {"coral": 4.0}.get(run.method, 1.0)  # as in WAYS
        way = dataclasses.replace(way, terms=lambda: [METHODS[run.method](weight=factor * run.weight)])
    inputs, labels = domains.source
    order = np.random.default_rng(0).permutation(len(labels))
    held, rest = np.split(order, [int(HELD_OUT * len(order))])
    sample = np.random.default_rng(1).permutation(len(domains.scored[1]))[:ROWS]
    keras.utils.set_random_seed(run.seed)
    part = domains.model(way.bottleneck)
    trained = by_domain(part, way)
    adapted = compiled(trained, way, backbone_rate=1.0, steps_per_execution=steps)
    source = inputs[held[:ROWS]], labels[held[:ROWS]]
    probe = validators.Probe(part, domains.scored[0][sample], source, mix=True, batch_size=500)
    batches = data.pair(
        (inputs[rest], labels[rest]), domains.target, batch_size=way.batch_size, seed=run.seed, steps=steps,
        num_classes=part.output_shape[-1], value_range=None,
    )  # fmt: skip
    kept = []

    def keep(epoch, logs):
        if trained is not part:
            part.set_weights(of_target(trained, trained.get_weights()))
        kept.append(dataclasses.asdict(probe.evidence()))

    after = keras.callbacks.LambdaCallback(on_epoch_end=keep)
    adapted.fit(batches, epochs=CHECKPOINTS, shuffle=False, verbose=0, callbacks=[after])
    arrays = {key: np.stack([each[key] for each in kept]) for key in kept[0] if key != "source_labels"}
    arrays = {key: value.astype("float16" if "features" in key else "float32") for key, value in arrays.items()}
    accuracy = (arrays["target_logits"].argmax(-1) == domains.scored[1][sample]).mean(axis=1)
    return {**arrays, "source_labels": source[1], "accuracy": accuracy, "seconds": time.perf_counter() - start}


def main():
    """Trains what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--features", type=Path, required=True, help="folder that pacs_features.py wrote")
    parser.add_argument("--data", type=Path, required=True, help="folder of reviews")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0 .. SEEDS-1 (default: 3)")
    parser.add_argument("--suites", default="amazon,glyphs,pacs", help="only pairs of these")
    parser.add_argument("--out", type=Path, default=Path("runs/pool"), help="folder of the runs")
    flags = parser.parse_args()
    folders = {"pacs": flags.features, "amazon": flags.data / "text" / "amazon_dann_svmlight", "glyphs": None}
    wanted = [run for run in runs(flags.seeds) if run.suite in flags.suites.split(",")]
    for done, run in enumerate(wanted):
        path = flags.out / run.name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            keras.backend.clear_session()
            arrays = train(run, domains_of(run.suite, folders[run.suite], run.source, run.target))
            fresh = path.with_suffix(".new.npz")
            np.savez_compressed(fresh, **arrays)
            fresh.replace(path)
            accuracies = " ".join(f"{100 * value:.1f}" for value in arrays["accuracy"])
            print(f"{done + 1}/{len(wanted)} {run.name}: {accuracies} ({arrays['seconds']:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
