"""Margin disparity discrepancy of regressors."""

import keras

from tlkeras import ops
from tlkeras.ops.moments import check_rank_2
from tlkeras.surgery.answers import STANDARDIZED, VALUES
from tlkeras.transfer import schedules
from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class RegressionMDD(Method):
    """Trains a second regressor to contradict the first on the target only, and the encoder to make them agree.

    `margin * mean d over source + mean -log(1 - exp(-d)) over target`, `d` the mean over the outputs of the squared
    difference of `adversary(reverse(f))` and the model's values, plus 0.01. The values carry no gradient: the model's
    own head does not learn from the term.

    Deviations: the paper's theory covers any bounded disparity, and its algorithm classification; here `exp(-d)` is
    what the probability of agreeing is there, with the same two logarithms, because a plain squared difference could
    be contradicted without end. The 0.01 bounds the gradient where both agree.

    Args:
        margin: Number > 0, the weight of agreeing on the source (the paper's gamma).
        strength: Factor on the gradient that reaches the encoder, a number >= 0 or a schedule; by default
            `0.2 / (1 + exp(-step / 1000)) - 0.1`, as `MDD`.
        hidden: Widths of the adversary's hidden layers.
        weight: Factor on the whole term, adversary included.
        tap: Layer to align, `(batch, features)`; `bottleneck` or `features` by default.
        name: Name in the logs.

    Views:
        source, target: the tapped layer, `(batch, features)`, and the layer `standardized`, or `values` where the model
        has none, `(batch, outputs)`: those of targets of deviation about 1, since `d` is compared with 1. No labels are
        read.

    Returns:
        Scalar >= 0.01 margin. With equal views at least `margin log(1 + 1 / margin) + log(1 + margin)`, 2.50 for a
        margin of 4.

    Raises:
        ValueError: If `margin` or a width is not positive, `strength` is neither a number >= 0 nor a schedule, or a
            tapped layer is not of rank 2.

    Example:
        >>> RegressionMDD(margin=2.0, hidden=()).name
        'regressionmdd'

    Reference:
        Zhang, Liu, Long, Jordan: Bridging Theory and Algorithm for Domain Adaptation, 2019,
        https://arxiv.org/abs/1904.05801
    """

    answers = ("values",)

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
        self._values = VALUES

    @property
    def taps(self):
        """Names of the layers that `call` reads."""
        return (self.tap, self._values)

    def resolve_taps(self, model):
        """Settles the taps: the values before they are scaled to the user's units, where the model does that."""
        if any(layer.name == STANDARDIZED for layer in model.layers):
            self._values = STANDARDIZED
        super().resolve_taps(model)

    def build(self, batch_shape):
        """Builds the adversary, a regressor of the tapped layer with as many outputs as the model."""
        features, values = batch_shape.get("source", self.tap), batch_shape.get("source", self._values)
        check_rank_2("features", keras.KerasTensor(features))
        check_rank_2(self._values, keras.KerasTensor(values))
        layers = [
            keras.layers.Dense(width, activation="relu", name=f"dense_{index}", dtype="float32")
            for index, width in enumerate(self.hidden)
        ]
        layers.append(keras.layers.Dense(values[-1], name="values", dtype="float32"))
        self.adversary = keras.Sequential(layers, name="adversary")
        self.adversary.build(features)

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        source, target = batch.get("source", self.tap), batch.get("target", self.tap)
        strength = schedules.value_at(self.strength, batch.step)
        features = ops.reverse_gradient(keras.ops.concatenate([source, target], axis=0), strength)
        adverse, count = self.adversary(features, training=training), keras.ops.shape(source)[0]
        values = batch.get("source", self._values), batch.get("target", self._values)
        return ops.value_disparity(values, adverse[:count], adverse[count:], self.margin)

    def get_config(self):
        """Returns the arguments of the method."""
        arguments = {"margin": self.margin, "hidden": self.hidden}
        return {**super().get_config(), "strength": schedules.serialized(self.strength), **arguments}
