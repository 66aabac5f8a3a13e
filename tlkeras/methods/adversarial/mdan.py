"""Domain-adversarial training with several sources."""

import keras

from tlkeras import ops
from tlkeras.layers.domain_critic import DomainCritic
from tlkeras.transfer import schedules
from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class MDAN(Method):
    """Trains one critic for each source to tell it from the target, and the encoder to prevent all, most the surest.

    `-1 / gamma log mean_i exp(-gamma d_i)`, a smooth minimum over the sources, of `d_i = mean softplus(-z) over source
    i, softplus(z) over target` with `z = critic_i(reverse(features))`. Its gradient is a weighted sum of those of
    `d_i`, and the source farthest from the target, whose critic errs least, has the largest weight.

    Deviations from the paper's smoothed objective, `1 / gamma log sum_i exp(gamma (task loss_i - d_i))`: the term has
    the domains only, and the supervised loss is the mean over the labelled rows of all sources. Critics and encoder
    move in one step through a reversed gradient, so that a critic learns with the weight of its source. (The authors'
    code has `+ d_i` there, which favours the nearest source; the sign here is that of the paper.)

    Args:
        sources: How many sources there are, >= 2.
        strength: Factor on the gradient that reaches the encoder, a number >= 0 or a schedule; `DANN`'s by default.
        hidden: Widths of the hidden layers of each critic.
        batch_norm: Whether a BatchNormalization follows each of them, over source i and target together.
        sharpness: Number > 0, the paper's gamma; near 0 all sources count the same.
        **kwargs: `weight` (factor on the whole term, critics included), `tap` (layer to align, `bottleneck` or
            `features` by default) and `name`.

    Views:
        source, source_2, ..., target: the tapped layer, `(batch, features)`. The term reads no labels; each source
            should have some (`tlkeras.data.pair` takes several sources).

    Returns:
        Scalar >= 0; log 2 = 0.693 when no critic can tell its source from the target, 0 when one always can.
        Under `tf.distribute` it is the mean over the replicas, each on its own batch.

    Raises:
        ValueError: If `sources` is not an integer >= 2, `strength` is neither a number >= 0 nor a schedule,
            `sharpness` is not positive, or the tapped layer is not of rank 2.

    Example:
        >>> MDAN(sources=3).views
        ('source', 'source_2', 'source_3', 'target')

    Reference:
        Zhao, Zhang, Wu, Costeira, Moura, Gordon: Adversarial Multiple Source Domain Adaptation, 2018,
        https://papers.nips.cc/paper/8075
    """

    def __init__(self, *, sources=2, strength=None, hidden=(1024, 1024), batch_norm=False, sharpness=10.0, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(sources, int) or sources < 2:
            raise ValueError(f"`sources` must be an integer >= 2; one source is DANN. Received: sources={sources!r}")
        if sharpness <= 0:
            raise ValueError(f"`sharpness` must be > 0. Received: sharpness={sharpness}")
        default = schedules.DANNRamp(steps=10_000)
        self.sources = sources
        self.strength = schedules.check("strength", default if strength is None else strength)
        self.hidden = tuple(hidden)
        self.batch_norm = batch_norm
        self.sharpness = sharpness
        names = [f"source_{number}" for number in range(2, sources + 1)]
        self.views = ("source", *names, "target")
        self.critics = [
            DomainCritic(self.hidden, batch_norm, name=f"critic_{view}", dtype="float32") for view in self.views[:-1]
        ]

    def build(self, batch_shape):
        """Builds the critics for the tapped layer."""
        for critic in self.critics:
            critic.build(batch_shape.get("source", self.tap))

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        strength = schedules.value_at(self.strength, batch.step)
        *sources, target = (ops.reverse_gradient(batch.get(view, self.tap), strength) for view in self.views)
        losses = []
        for critic, source in zip(self.critics, sources, strict=True):
            logits = critic(keras.ops.concatenate([source, target], axis=0), training=training)[:, 0]
            count = keras.ops.shape(source)[0]
            losses.append(ops.domain_cross_entropy(logits[:count], logits[count:]))
        return ops.soft_minimum(keras.ops.stack(losses), self.sharpness)

    def get_config(self):
        """Returns the arguments of the method."""
        arguments = {"sources": self.sources, "strength": schedules.serialized(self.strength), "hidden": self.hidden}
        return {**super().get_config(), **arguments, "batch_norm": self.batch_norm, "sharpness": self.sharpness}
