"""Importance-weighted adversarial nets."""

import keras

from tlkeras import ops
from tlkeras.layers.domain_critic import DomainCritic
from tlkeras.transfer import schedules
from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class IWAN(Method):
    """Aligns the target with those source rows that look like it, for a target that has a part of the classes.

    `mean w softplus(-z) over source, softplus(z) over target` with `z = critic(reverse(features))`, plus the same
    without `w` for a second critic, `v = weigher(stop(features))`, which weighs: `w_i = (1 - sigmoid(v_i)) / mean_j (1
    - sigmoid(v_j))`. Rows of classes that the target lacks are far from it, the weigher is sure of them, and they do
    not draw the target to them.

    Deviations from the paper: source and target share one encoder, which learns the source's labels meanwhile, as in
    tllib (the paper adapts a copy for the target, and freezes the source's). Its entropy of the target's predictions is
    left to a method of its own in the list, `Entropy(weight=0.1)`. The weigher starts undecided, every `w_i = 1`.

    Args:
        strength: Factor on the gradient that reaches the encoder, a number >= 0 or a schedule; by default the authors'
            slow ramp to 0.046 after 10,000 steps.
        hidden: Widths of the hidden layers of each critic.
        batch_norm: Whether a BatchNormalization follows each of them, over both views together.
        **kwargs: `weight` (factor on the whole term, critics included), `tap` (layer to align, `bottleneck` or
            `features` by default) and `name`.

    Views:
        source, target: the tapped layer, `(batch, features)`. No labels are read.

    Returns:
        Scalar >= 0; 2 log 2 = 1.386 when neither critic can tell the domains apart, 0 when both always can.
        Under `tf.distribute` it is the mean over the replicas, each on its own batch.

    Raises:
        ValueError: If `strength` is neither a number >= 0 nor a schedule, a width is not a positive integer, or the
            tapped layer is not of rank 2.

    Example:
        >>> IWAN(hidden=(256,)).name
        'iwan'

    Reference:
        Zhang, Ding, Li, Ogunbona: Importance Weighted Adversarial Nets for Partial Domain Adaptation, 2018,
        https://arxiv.org/abs/1803.09210
    """

    def __init__(self, *, strength=None, hidden=(1024, 1024), batch_norm=False, **kwargs):
        super().__init__(**kwargs)
        default = schedules.DANNRamp(steps=10_000, high=0.1, gamma=1.0)
        self.strength = schedules.check("strength", default if strength is None else strength)
        self.hidden = tuple(hidden)
        self.batch_norm = batch_norm
        self.critic = DomainCritic(self.hidden, batch_norm, name="critic", dtype="float32")
        self.weigher = DomainCritic(self.hidden, batch_norm, logit_initializer="zeros", name="weigher", dtype="float32")

    def build(self, batch_shape):
        """Builds both critics for the tapped layer."""
        for critic in (self.critic, self.weigher):
            critic.build(batch_shape.get("source", self.tap))

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        source, target = batch.get("source", self.tap), batch.get("target", self.tap)
        features, count = keras.ops.concatenate([source, target], axis=0), keras.ops.shape(source)[0]
        strength = schedules.value_at(self.strength, batch.step)
        judged = self.critic(ops.reverse_gradient(features, strength), training=training)[:, 0]
        weighed = self.weigher(keras.ops.stop_gradient(features), training=training)[:, 0]
        likeness = ops.target_likeness(keras.ops.stop_gradient(weighed[:count]))
        weights = keras.ops.concatenate([likeness, keras.ops.ones_like(weighed[count:])])
        aligned = ops.domain_cross_entropy(judged[:count], judged[count:], weights)
        return aligned + ops.domain_cross_entropy(weighed[:count], weighed[count:])

    def get_config(self):
        """Returns the arguments of the method."""
        arguments = {"hidden": self.hidden, "batch_norm": self.batch_norm}
        return {**super().get_config(), "strength": schedules.serialized(self.strength), **arguments}
