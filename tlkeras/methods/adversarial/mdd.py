"""Margin disparity discrepancy."""

import keras

from tlkeras import ops
from tlkeras.ops.moments import check_rank_2
from tlkeras.transfer import schedules
from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class MDD(Method):
    """Trains a second classifier to contradict the first on the target only, and the encoder to make them agree.

    `margin * mean -log p(y) over source + mean -log(1 - p(y)) over target`, with `p = softmax(adversary(reverse(f)))`
    and `y = argmax(logits)`, which carries no gradient: the model's own classifier does not learn from the term.

    Deviations: the paper's two classifiers share one form, Dense + ReLU + dropout + Dense; the adversary here has no
    dropout, and the model's head is what it is: give it `hidden` layers of the same width, or the adversary
    `hidden=()`, for the same form. The second logarithm is exact, tllib's stops at 1e-6.

    Args:
        margin: Number > 0, the weight of agreeing on the source (the paper's gamma).
        strength: Factor on the gradient that reaches the encoder, a number >= 0 or a schedule; by default
            `0.2 / (1 + exp(-step / 1000)) - 0.1`, as in the authors' code and in tllib.
        hidden: Widths of the adversary's hidden layers.
        weight: Factor on the whole term, adversary included.
        tap: Layer to align, `(batch, features)`; `bottleneck` or `features` by default.
        name: Name in the logs.

    Views:
        source, target: the tapped layer, `(batch, features)`, and the layer `logits`, `(batch, classes)`. No labels
            are read.

    Returns:
        Scalar >= 0; 0 when the adversary agrees on the source and contradicts on the target without doubt. With equal
        views at least `margin log(1 + 1 / margin) + log(1 + margin)`, 2.50 for a margin of 4.

    Raises:
        ValueError: If `margin` or a width is not positive, `strength` is neither a number >= 0 nor a schedule, a
            tapped layer is not of rank 2, or there are fewer than 2 classes.

    Example:
        >>> MDD(margin=2.0, hidden=()).taps
        (None, 'logits')

    Reference:
        Zhang, Liu, Long, Jordan: Bridging Theory and Algorithm for Domain Adaptation, 2019,
        https://arxiv.org/abs/1904.05801
    """

    answers = ("classes",)

    def __init__(self, *, margin=4.0, strength=None, hidden=(1024,), weight=1.0, tap=None, name=None):
        super().__init__(weight=weight, tap=tap, name=name)
        if margin <= 0:
            raise ValueError(f"`margin` must be > 0. Received: margin={margin}")
        if not all(isinstance(width, int) and width > 0 for width in hidden):
            raise ValueError(f"`hidden` must hold positive integers. Received: hidden={hidden}")
        default = schedules.DANNRamp(steps=10_000, high=0.1)
        self.margin = margin
        self.strength = schedules.check("strength", default if strength is None else strength)
        self.hidden = tuple(hidden)

    @property
    def taps(self):
        """Names of the layers that `call` reads."""
        return (self.tap, "logits")

    def build(self, batch_shape):
        """Builds the adversary, a classifier of the tapped layer with as many classes as `logits`."""
        features, logits = batch_shape.get("source", self.tap), batch_shape.get("source", "logits")
        ops.check_classes("logits", keras.KerasTensor(logits))
        check_rank_2("features", keras.KerasTensor(features))
        layers = [
            keras.layers.Dense(width, activation="relu", name=f"dense_{index}", dtype="float32")
            for index, width in enumerate(self.hidden)
        ]
        layers.append(keras.layers.Dense(logits[-1], name="logits", dtype="float32"))
        self.adversary = keras.Sequential(layers, name="adversary")
        self.adversary.build(features)

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        source, target = batch.get("source", self.tap), batch.get("target", self.tap)
        strength = schedules.value_at(self.strength, batch.step)
        features = ops.reverse_gradient(keras.ops.concatenate([source, target], axis=0), strength)
        adverse, count = self.adversary(features, training=training), keras.ops.shape(source)[0]
        logits = batch.get("source", "logits"), batch.get("target", "logits")
        return ops.margin_disparity(logits, adverse[:count], adverse[count:], self.margin)

    def get_config(self):
        """Returns the arguments of the method."""
        arguments = {"margin": self.margin, "hidden": self.hidden}
        return {**super().get_config(), "strength": schedules.serialized(self.strength), **arguments}
