"""What `recipes/benchmarks/methods.py` compares methods on: pairs of domains, a model, a budget."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from recipes.common.adaptation import head

PACS = ("photo", "art_painting", "cartoon")


@dataclasses.dataclass(frozen=True)
class Suite:
    """Pairs of domains that every method is run on.

    Attributes:
        pairs: `(source, target)` names.
        load: Function of the folder of data, the source and the target, to `Domains`.
        steps: Training steps of a run.
        epochs: Parts of it, after each of which the target is scored.
        note: What the figures are, for the table.
        backbone_rate: Rate of what lies below the head, as a part of the head's.
    """

    pairs: tuple
    load: Callable
    steps: int
    epochs: int
    note: str
    backbone_rate: float = 1.0


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


SUITES = {
    "pacs": Suite(
        pairs=tuple((source, target) for source in PACS for target in PACS if source != target),
        load=features_of_pacs, steps=2000, epochs=10,
        note="PACS, frozen MobileNetV2 0.35 at 224 pixels, head on cached features, all target images adapted to and "
        "scored.",
    ),
}  # fmt: skip
