"""What `recipes/benchmarks/methods.py` compares methods on: pairs of domains, a model, a budget."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from sklearn.datasets import load_svmlight_file
from sklearn.preprocessing import normalize

from recipes.common.adaptation import head
from recipes.common.digit_tasks import digits_from_files

PACS = ("photo", "art_painting", "cartoon")
AMAZON = ("books", "dvd", "electronics", "kitchen")
WORDS = 5000


@dataclasses.dataclass(frozen=True)
class Suite:
    """Pairs of domains that every method is run on.

    Attributes:
        pairs: `(source, target)` names.
        load: Function of the folder of data, the source and the target, to `Domains`.
        steps: Training steps of a run.
        epochs: Parts of it, after each of which the target is scored.
        note: What the figures are, for the table.
        settings: Fields of `recipes.common.ways.Way` that every method has here.
        curve: Whether the table shows the accuracy after each part.
    """

    pairs: tuple
    load: Callable
    steps: int
    epochs: int
    note: str
    settings: dict = dataclasses.field(default_factory=dict)
    curve: bool = False


@dataclasses.dataclass(frozen=True)
class Domains:
    """One pair.

    Attributes:
        source: Inputs and labels.
        target: Inputs that are adapted to, without labels.
        scored: Inputs and labels that accuracy is measured on.
        model: Function of the width of the bottleneck to a classifier.
    """

    source: tuple
    target: np.ndarray
    scored: tuple
    model: Callable


def features_of_pacs(folder, source, target):
    """Features that `recipes/benchmarks/pacs_features.py` wrote."""
    domains = {}
    for name in (source, target):
        with np.load(Path(folder, f"{name}.npz")) as file:
            domains[name] = file["features"], file["labels"]
    width, classes = domains[source][0].shape[1], int(domains[source][1].max()) + 1
    return Domains(
        domains[source], domains[target][0], domains[target], lambda bottleneck: _head(width, classes, bottleneck)
    )


def _head(width, classes, bottleneck):
    inputs = keras.Input((width,), name="features")
    return head(keras.Model(inputs, inputs), classes, bottleneck)


def digits(folder, source, target, *augmenters, side=28):
    """10,000 digits and the network of the DANN paper; the target's training images adapt, its test images score."""
    task = digits_from_files(folder, source, target, 10_000, side)

    def model(width):
        backbone = task.backbone(True)
        x = backbone.input
        for layer in (*augmenters, *backbone.layers[1:-1]):  # without its last layer, named as what methods read
            x = layer(x)
        x = keras.layers.Dense(width, activation="relu", name="hidden")(keras.layers.Flatten()(x))
        return head(keras.Model(backbone.input, x), 10, None)

    return Domains(task.source, task.target, task.scored, model)


def framed_digits(folder, source, target):
    """The same, where the digits of USPS, which fill their image, are put into a frame as wide as MNIST's."""
    return digits(folder, source, target, side=20)


def inverted_digits(folder, source, target):
    """The same, where every image of both domains is inverted half of the time in training."""
    return digits(folder, source, target, keras.layers.RandomInvert(0.5, name="invert"))


def reviews(folder, source, target):
    """The 5000 word counts of the DANN paper, `log(1 + count)` in rows of length 1, before one layer of 100 units."""
    (xs, ys), (xt, _), scored = (_reviews(folder, *part) for part in (
        (source, "train"), (target, "train"), (target, "test")))  # fmt: skip
    return Domains((xs, ys), xt, scored, _small_network)


def _reviews(folder, domain, part):
    counts, labels = load_svmlight_file(Path(folder, f"{domain}_{part}.svmlight.gz"), n_features=WORDS, zero_based=True)
    return normalize(counts.log1p()).toarray().astype("float32"), (labels > 0).astype(int)


def _small_network(width):
    inputs = keras.Input((WORDS,), name="counts")
    hidden = keras.layers.Dense(width, activation="relu", name="hidden")(inputs)
    return head(keras.Model(inputs, hidden), 2, None)


def _adam(steps):
    return lambda: keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, steps))


def _pairs(names):
    return tuple((source, target) for source in names for target in names if source != target)


DIGITS = {"bottleneck": 100, "batch_size": 64}
SUITES = {
    "pacs": Suite(
        pairs=_pairs(PACS), load=features_of_pacs, steps=2000, epochs=10,
        note="PACS, frozen MobileNetV2 0.35 at 224 pixels, head on cached features, all target images adapted to and "
        "scored.",
    ),
    "usps": Suite(
        pairs=(("mnist", "usps"),), load=framed_digits, steps=1560, epochs=10,
        settings={**DIGITS, "optimizer": _adam(1560)},
        note="10,000 MNIST images to USPS, its digits resized to 20 pixels and framed by 4, as MNIST's were made, the "
        "DANN paper's network from scratch at 28 pixels, Adam 1e-3 with cosine decay, 64 rows of each; test images "
        "that were not adapted to.",
    ),
    "mnist_m": Suite(
        pairs=(("mnist", "mnist_m"),), load=inverted_digits, steps=3120, epochs=8, curve=True,
        settings={**DIGITS, "optimizer": _adam(3120)},
        note="10,000 MNIST images to MNIST-M, made of others; as above. In every row, source only too, images are "
        "inverted half of the time in training.",
    ),
    "amazon": Suite(
        pairs=_pairs(AMAZON), load=reviews, steps=1000, epochs=10,
        settings={"bottleneck": 100, "batch_size": 64, "optimizer": lambda: keras.optimizers.Adam(1e-3)},
        note="Amazon reviews, 5000 word counts, 100 ReLU units, Adam 1e-3, 64 rows of each; 2000 training rows adapt, "
        "the test rows score.",
    ),
}  # fmt: skip
