"""Partial adversarial domain adaptation."""

import keras

from tlkeras import ops
from tlkeras.layers.domain_critic import DomainCritic
from tlkeras.ops.moments import check_rank_2
from tlkeras.transfer import schedules
from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class PADA(Method):
    """Aligns the domains as DANN does and lets source classes that the target seems to lack count less.

    `mean g_y softplus(-z) over source, softplus(z) over target` with `z = critic(reverse(features))`, `y` the class of
    a source row, `g = s / max(s)` and `s` the mean prediction on the target. The supervised loss of the source rows is
    multiplied by `g_y` too, unless `weight` is 0.

    Deviations from the paper: `s` is a moving average over the training batches, from equal shares on; the paper
    predicts the whole target anew every few hundred steps. The strength rises with the step, as in `DANN`.

    Args:
        strength: Factor on the gradient that reaches the encoder, a number >= 0 or a schedule; `DANN`'s by default.
        hidden: Widths of the critic's hidden layers.
        batch_norm: Whether a BatchNormalization follows each of them, over both views together.
        momentum: Number in [0, 1), the part of `s` that a step keeps.
        **kwargs: `weight` (factor on the term, critic included), `tap` (layer to align, `bottleneck` or `features` by
            default) and `name`.

    Views:
        source: the tapped layer, `(batch, features)`, and integer labels `(batch,)`. target: the tapped layer and the
            layer `logits`, `(batch, classes)`, before any softmax.

    Returns:
        Scalar >= 0; log 2 = 0.693 when the critic cannot tell the domains apart and all classes count the same.

    Raises:
        ValueError: If `strength` is neither a number >= 0 nor a schedule, `momentum` is outside [0, 1), a tapped layer
            is not of rank 2, there are fewer than 2 classes, or the labels are not integers.

    Example:
        >>> PADA(hidden=(256,), momentum=0.9).taps
        (None, 'logits')

    Reference:
        Cao, Ma, Long, Wang: Partial Adversarial Domain Adaptation, 2018, https://arxiv.org/abs/1808.04205
    """

    answers = ("classes",)

    def __init__(self, *, strength=None, hidden=(1024, 1024), batch_norm=False, momentum=0.99, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= momentum < 1:
            raise ValueError(f"`momentum` must be in [0, 1). Received: momentum={momentum}")
        default = schedules.DANNRamp(steps=10_000)
        self.strength = schedules.check("strength", default if strength is None else strength)
        self.hidden = tuple(hidden)
        self.batch_norm = batch_norm
        self.momentum = momentum
        self.critic = DomainCritic(self.hidden, batch_norm, name="critic", dtype="float32")

    @property
    def taps(self):
        """Names of the layers that `call` reads."""
        return (self.tap, "logits")

    def build(self, batch_shape):
        """Builds the critic for the tapped layer, and the shares of the classes."""
        logits = batch_shape.get("target", "logits")
        ops.check_classes("logits", keras.KerasTensor(logits))
        check_rank_2("features", keras.KerasTensor(batch_shape.get("source", self.tap)))
        self.critic.build(batch_shape.get("source", self.tap))
        equal = keras.initializers.Constant(1 / logits[-1])
        self.shares = self.add_weight(
            name="shares", shape=logits[-1:], initializer=equal, trainable=False, aggregation="mean"
        )

    def weigh(self, batch):
        """Returns the factors on the source rows, `(batch,)`: those of their classes."""
        return None if self.weight == 0 else self._factors(batch)

    def call(self, batch, training=None):
        """Returns the unweighted term, and in training moves the shares towards the predictions of the batch."""
        source, target = batch.get("source", self.tap), batch.get("target", self.tap)
        strength = schedules.value_at(self.strength, batch.step)
        features = ops.reverse_gradient(keras.ops.concatenate([source, target], axis=0), strength)
        logits = self.critic(features, training=training)[:, 0]
        count = keras.ops.shape(source)[0]
        weights = keras.ops.concatenate([self._factors(batch), keras.ops.ones_like(logits[count:])])
        term = ops.domain_cross_entropy(logits[:count], logits[count:], weights)
        if training:
            predicted = keras.ops.mean(keras.ops.softmax(batch.get("target", "logits"), axis=-1), axis=0)
            self.shares.assign(self.momentum * self.shares + (1.0 - self.momentum) * predicted)
        return term

    def _factors(self, batch):
        labels = ops.class_indices(batch.get("source", "labels"))
        return keras.ops.take(self.shares / keras.ops.max(self.shares), labels)

    def get_config(self):
        """Returns the arguments of the method."""
        arguments = {"hidden": self.hidden, "batch_norm": self.batch_norm, "momentum": self.momentum}
        return {**super().get_config(), "strength": schedules.serialized(self.strength), **arguments}
