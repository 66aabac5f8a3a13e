"""Adversarial discriminative domain adaptation."""

import keras

from tlkeras import ops
from tlkeras.backbones.graph import output_of
from tlkeras.layers.domain_critic import DomainCritic
from tlkeras.surgery.copies import frozen_copy
from tlkeras.transfer import schedules
from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class ADDA(Method):
    """Moves the target's features to where a frozen copy of the model puts the source's, against a critic.

    `mean softplus(-z) over source, softplus(z) over target` for the critic, plus `strength * mean softplus(-z) over
    target` for the encoder, with `z = critic(features)`: the target's features are trained under inverted labels, the
    source's come from the frozen copy. Each half moves its own side only.

    Train the model on the source first: the copy is what the model is when `TransferModel` is made, and the encoder
    starts there too. As in the paper, then freeze the classifier (`model.get_layer("logits").trainable = False`;
    the term leaves it alone, labels and weight decay do not) and train without labels: a data set that yields the
    views alone, such as `pair(...).map(lambda views, labels: views)`. With labels the encoder keeps learning the
    source as well, which the paper does not do; it holds the classes in place.

    Deviations: critic and encoder move in the same step of one optimizer, not in turns. The copy runs in inference
    mode, with averaged BatchNorm statistics; `forward="per_view"` lets the target have statistics of its own.

    Args:
        strength: Factor on the encoder's half, a number >= 0 or a schedule.
        hidden: Widths of the critic's hidden layers; the paper's for digits by default.
        weight: Factor on the whole term, critic included.
        tap: Layer to align, `(batch, features)`; `bottleneck` or `features` by default.
        name: Name in the logs.

    Views:
        source: the input. target: the tapped layer, `(batch, features)`. No labels are read.

    Returns:
        Scalar >= 0; `(1 + strength) log 2` when the critic cannot tell the domains apart.

    Raises:
        ValueError: If `strength` is neither a number >= 0 nor a schedule, or the tapped layer is not of rank 2.

    Example:
        >>> ADDA(hidden=(256,)).name
        'adda'

    Reference:
        Tzeng, Hoffman, Saenko, Darrell: Adversarial Discriminative Domain Adaptation, 2017,
        https://arxiv.org/abs/1702.05464
    """

    def __init__(self, *, strength=1.0, hidden=(500, 500), weight=1.0, tap=None, name=None):
        super().__init__(weight=weight, tap=tap, name=name)
        self.strength = schedules.check("strength", strength)
        self.hidden = tuple(hidden)
        self.critic = DomainCritic(self.hidden, name="critic", dtype="float32")

    def bind(self, model):
        """Copies the model up to the tapped layer as the source's encoder."""
        self.source_encoder = frozen_copy(keras.Model(model.input, output_of(model, self.tap)), self.name)

    def build(self, batch_shape):
        """Builds the critic for the tapped layer."""
        self.critic.build(batch_shape.get("source", self.tap))

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        encoded = keras.ops.cast(self.source_encoder(batch.get("source", "input"), training=False), "float32")
        source, target = keras.ops.stop_gradient(encoded), batch.get("target", self.tap)
        both = keras.ops.concatenate([source, keras.ops.stop_gradient(target)], axis=0)
        logits, count = self.critic(both)[:, 0], keras.ops.shape(source)[0]
        # The critic's share of the gradient cancels. Stopped weights would do the same, but nothing makes TensorFlow
        # read those before the optimizer of the same step has changed them.
        judged = self.critic(target)[:, 0] - logits[count:] + keras.ops.stop_gradient(logits[count:])
        inverted = keras.ops.mean(keras.ops.softplus(-judged))
        strength = schedules.value_at(self.strength, batch.step)
        return ops.domain_cross_entropy(logits[:count], logits[count:]) + strength * inverted

    def get_config(self):
        """Returns the arguments of the method."""
        return {**super().get_config(), "strength": schedules.serialized(self.strength), "hidden": self.hidden}
