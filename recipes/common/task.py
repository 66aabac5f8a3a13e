"""Two domains and the model for them: what a recipe of adaptation brings, whatever kind of input it has."""

import abc
from typing import NamedTuple

import numpy as np

from recipes.common.problems import CLASSIFICATION


class Rows(NamedTuple):
    """Inputs of the part that trains: what lies below it has run.

    Attributes:
        source: Array.
        target: Array.
        test: Array, or None where no labelled target rows score.
    """

    source: np.ndarray
    target: np.ndarray
    test: np.ndarray | None


class Task(abc.ABC):
    """Labelled source rows, unlabelled target rows and the functional model that is trained on them.

    The whole model takes what a user has: images, strings, waveforms, columns. It is cut where training begins; what
    is below the cut runs once over all rows.

    Attributes:
        problem: `recipes.common.problems.Problem`.
        unit: What a row is called.
        names: Names of the classes, or of the outputs.
        source_labels: Array, one label a source row.
        test_labels: Array of labels of the test rows, or None.
        target_count: How many target rows there are.
        backbone_rate: Rate of the blocks that train below the head, as a part of the head's; 1 from random weights.
        value_range: Range of a user's inputs, or None where they have no fixed one.
        max_drop: Answers that an int8 file may change, in percent, before operators stay float32; None: any number.
    """

    problem = CLASSIFICATION
    unit = "rows"
    names = ()
    source_labels = None
    test_labels = None
    target_count = 0
    backbone_rate = 0.1
    value_range = (0, 255)
    max_drop = None

    @abc.abstractmethod
    def whole(self, flags, way):
        """Returns a new inference model, from a user's inputs to logits; the seed was set before."""

    @abc.abstractmethod
    def cut(self, model, flags):
        """Returns `(part, Rows)`: what of the model trains, made of its layers, and the inputs of that."""

    def part(self, flags, way):
        """Returns `(part, Rows)` of a new model, for a search, which keeps no whole model."""
        return self.cut(self.whole(flags, way), flags)

    def check(self, flags):
        """Raises a ValueError if a domain is smaller than a batch."""
        size = flags.way(flags.method.split(",")).batch_size
        for name, rows in (("--source", len(self.source_labels)), ("--target", self.target_count)):
            if rows < size:
                raise ValueError(
                    f"`{name}` must hold at least one batch of {self.unit}: add some, or lower `--batch-size`. "
                    f"Received: {rows} {self.unit}, batch size {size}"
                )

    @abc.abstractmethod
    def target_inputs(self, indices):
        """Returns some target rows as a user's inputs."""

    def on_device(self, model, folder):
        """Returns `(model, function)`: what a LiteRT file is written of, and its inputs from a user's.

        A task whose inputs do not go into such a file returns the part that does, and writes into the folder what a
        device needs to make its inputs.
        """
        return model, lambda inputs: inputs
