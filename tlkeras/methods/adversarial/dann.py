"""Domain-adversarial training."""

import keras

from tlkeras import ops
from tlkeras.layers.domain_critic import DomainCritic
from tlkeras.transfer import schedules
from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class DANN(Method):
    """Trains a critic to tell the domains apart and, through a reversed gradient, the encoder to prevent it.

    `mean softplus(-z) over source, softplus(z) over target` with `z = critic(reverse(features))`: the binary cross
    entropy of the logits, source = 1, averaged over both views.

    Deviation from the paper: by default the strength rises with the step, as in tllib, `2 / (1 + exp(-step / 1000))
    - 1`, not with the share of a training whose length a method does not know. tllib's critic has BatchNorm
    (`batch_norm=True`); the paper's, and the default here, has none.

    Args:
        strength: Factor on the gradient that reaches the encoder (the paper's lambda), a number >= 0 or a schedule.
            The critic's own gradient is not scaled by it.
        hidden: Widths of the critic's hidden layers.
        batch_norm: Whether a BatchNormalization follows each of them, over both views together.
        weight: Factor on the whole term, critic included.
        tap: Layer to align, `(batch, features)`; `bottleneck` or `features` by default.
        name: Name in the logs.

    Views:
        source, target: the tapped layer, `(batch, features)`. No labels are read.

    Returns:
        Scalar >= 0; log 2 = 0.693 when the critic cannot tell the domains apart, 0 when it always can.

    Raises:
        ValueError: If `strength` is neither a number >= 0 nor a schedule.

    Example:
        >>> DANN(strength=DANNRamp(steps=2000), hidden=(256,)).name
        'dann'

    Reference:
        Ganin et al.: Domain-Adversarial Training of Neural Networks, 2016, https://arxiv.org/abs/1505.07818
    """

    def __init__(self, *, strength=None, hidden=(1024, 1024), batch_norm=False, weight=1.0, tap=None, name=None):
        super().__init__(weight=weight, tap=tap, name=name)
        default = schedules.DANNRamp(steps=10_000)
        self.strength = schedules.check("strength", default if strength is None else strength)
        self.hidden = tuple(hidden)
        self.batch_norm = batch_norm
        self.critic = DomainCritic(self.hidden, batch_norm, name="critic", dtype="float32")

    def build(self, batch_shape):
        """Builds the critic for the tapped layer."""
        self.critic.build(batch_shape.get("source", self.tap))

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        source, target = batch.get("source", self.tap), batch.get("target", self.tap)
        strength = schedules.value_at(self.strength, batch.step)
        features = ops.reverse_gradient(keras.ops.concatenate([source, target], axis=0), strength)
        logits = self.critic(features, training=training)[:, 0]
        count = keras.ops.shape(source)[0]
        return ops.domain_cross_entropy(logits[:count], logits[count:])

    def get_config(self):
        """Returns the arguments of the method."""
        arguments = {"hidden": self.hidden, "batch_norm": self.batch_norm}
        return {**super().get_config(), "strength": schedules.serialized(self.strength), **arguments}
