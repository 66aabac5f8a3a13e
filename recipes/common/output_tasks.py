"""Tasks whose answers are no classes: values from a table, and which digits two images show."""

from pathlib import Path

import keras
import numpy as np
from sklearn.datasets import load_diabetes

from recipes.common.digit_tasks import digits_from_files, fonts_to_uci
from recipes.common.multi_label import MULTI_LABEL
from recipes.common.regression import regression_of
from recipes.common.small_net import small_net
from recipes.common.task import Rows, Task
from tlkeras import surgery

STRENGTH = 1.0  # log odds of being of the target for one deviation of the body mass index
PAIRS = 2000  # of images in each domain


class Diabetes(Task):
    """Progress of a disease from ten measurements; the patients of the target have a higher body mass index.

    Args:
        seed: Which patients are of the target is drawn with it.
    """

    unit = "patients"
    names = ("progression",)
    value_range = None

    def __init__(self, seed):
        table = load_diabetes()  # each measurement of mean 0 and deviation 0.05: one range of int8 holds them all
        inputs, values = table.data.astype("float32"), table.target
        index = inputs[:, table.feature_names.index("bmi")]
        odds = STRENGTH * (index - index.mean()) / index.std()
        of_target = np.random.default_rng(seed).random(len(inputs)) < 1 / (1 + np.exp(-odds))
        self.source, self.source_labels = inputs[~of_target], values[~of_target]
        self.target, self.test_labels = inputs[of_target], values[of_target]
        self.target_count = len(self.target)
        self.problem = regression_of(self.source_labels)

    def whole(self, flags, way):
        """Returns a regressor of the measurements."""
        inputs = keras.Input((self.source.shape[1],))
        scaled = keras.layers.Rescaling(float(1 / self.source.std()), name="measurements")(inputs)
        width = flags.bottleneck or None  # a linear model by default, as simple as the table is small
        return surgery.regressor(
            keras.Model(inputs, scaled), bottleneck=width, dropout=flags.dropout, targets=self.source_labels
        )

    def cut(self, model, flags):
        """Returns the whole model, since all of it trains."""
        return model, Rows(self.source, self.target, self.target)

    def target_inputs(self, indices):
        """Returns the measurements of some patients of the target."""
        return self.target[indices]


class DigitPairs(Task):
    """Two digits side by side, and which of the ten are there: one label where both are the same, else two.

    Args:
        folder: With `mnist.npz` and `usps.npz`, from the first to the second; empty for digits rendered from fonts to
            handwritten ones.
        seed: Of the pairs.
    """

    unit = "pairs"
    names = tuple("0123456789")
    problem = MULTI_LABEL
    target_count = PAIRS

    def __init__(self, folder, seed):
        task = digits_from_files(Path(folder), "mnist", "usps", 2 * PAIRS) if folder else fonts_to_uci(2 * PAIRS, seed)
        self.source, self.source_labels = pairs(*task.source, (seed, 0))
        self.target, self.test_labels = pairs(*task.scored, (seed, 1))

    def whole(self, flags, way):
        """Returns a network from scratch with a sigmoid for each digit."""
        net = small_net(self.source.shape[1:], 1)
        backbone = keras.Model(net.input, net.get_layer("features").output)
        return surgery.multi_label(backbone, 10, bottleneck=way.bottleneck, dropout=flags.dropout)

    def cut(self, model, flags):
        """Returns the whole model, since all of it trains."""
        return model, Rows(self.source, self.target, self.target)

    def target_inputs(self, indices):
        """Returns some pairs of the target."""
        return self.target[indices]


def pairs(images, labels, seed, count=PAIRS):
    """Returns pairs of images side by side and their labels, 0 or 1 for each of ten digits.

    Args:
        images: Array `(n, height, width, 1)`.
        labels: Digits `(n,)`.
        seed: Integers.
        count: How many pairs.
    """
    left, right = np.random.default_rng(seed).integers(0, len(images), (2, count))
    present = np.zeros((count, 10), "int64")
    rows = np.arange(count)
    present[rows, labels[left]] = present[rows, labels[right]] = 1
    return np.concatenate([images[left], images[right]], axis=2), present
