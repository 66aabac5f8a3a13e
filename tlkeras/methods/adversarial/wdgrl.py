"""Wasserstein distance guided representation learning."""

import keras

from tlkeras import ops
from tlkeras.layers.domain_critic import DomainCritic
from tlkeras.transfer.method import Method
from tlkeras.transfer.phase import Phase


@keras.saving.register_keras_serializable("tlkeras")
class WDGRL(Method):
    """Trains a critic to estimate the Wasserstein distance between the domains, and the encoder to shorten it.

    `gap = mean f(source) - mean f(target)` for a critic `f`. Each step the critic alone minimises `-gap + penalty *
    mean (||df/dx|| - 1)^2`, `critic_steps` times on the same features; then the model minimises the supervised loss
    plus `weight * gap`. The penalty is taken at the features of both domains and at random points between them.

    Runs in a `PhasedModel`, so on TensorFlow only. The critic trains with the compiled optimizer, not scaled by
    `weight`; `tlkeras.optimizers.groups` gives it a rate of its own.

    Deviations from the paper: points between the domains join the rows in order, as many as the smaller view has;
    the penalty of weights that the authors' code adds is left to the optimizer.

    Args:
        critic_steps: Updates of the critic each step, an integer >= 1; the paper uses 5 or 10.
        penalty: Factor on the penalty of slopes other than 1, a number >= 0.
        hidden: Widths of the critic's hidden layers; one of 100 in the authors' code.
        weight: Factor on the gap, a number >= 0 or a schedule; the authors use 1 for text, 0.1 and 0.01 for images.
        tap: Layer to align, `(batch, features)`; `bottleneck` or `features` by default.
        name: Name in the logs.

    Views:
        source, target: the tapped layer, `(batch, features)`. No labels are read.

    Returns:
        Scalar, the gap: an estimate of the distance, 0 when both batches hold the same rows, negative while the critic
        is worse than a constant, and above a distance D by up to `D^2 / (2 penalty)`, as the penalty is soft.

    Raises:
        ValueError: If `critic_steps` is not an integer >= 1, `penalty` is negative, or the tapped layer is not of
            rank 2.

    Example:
        >>> [(phase.moves, phase.repeats) for phase in WDGRL().phases()]
        [(('method',), 5), (('encoder', 'head'), 1)]

    Reference:
        Shen, Qu, Zhang, Yu: Wasserstein Distance Guided Representation Learning for Domain Adaptation, 2018,
        https://arxiv.org/abs/1707.01217
    """

    def __init__(self, *, critic_steps=5, penalty=10.0, hidden=(100,), weight=1.0, tap=None, name=None):
        super().__init__(weight=weight, tap=tap, name=name)
        if isinstance(critic_steps, bool) or not isinstance(critic_steps, int) or critic_steps < 1:
            raise ValueError(f"`critic_steps` must be an integer >= 1. Received: critic_steps={critic_steps!r}")
        if penalty < 0:
            raise ValueError(f"`penalty` must be >= 0. Received: penalty={penalty}")
        self.critic_steps = critic_steps
        self.penalty = penalty
        self.hidden = tuple(hidden)
        self.critic = DomainCritic(self.hidden, name="critic", dtype="float32")
        self.draws = keras.random.SeedGenerator()

    def phases(self):
        """Returns the two phases of a step."""
        return (
            Phase(self._criticise, moves=("method",), repeats=self.critic_steps),
            Phase(self.call, moves=("encoder", "head"), supervised=True),
        )

    def build(self, batch_shape):
        """Builds the critic for the tapped layer."""
        self.critic.build(batch_shape.get("source", self.tap))

    def call(self, batch, training=None):
        """Returns the gap."""
        source, target = batch.get("source", self.tap), batch.get("target", self.tap)
        return keras.ops.mean(self.critic(source)) - keras.ops.mean(self.critic(target))

    def _criticise(self, batch, training):
        source, target = batch.get("source", self.tap), batch.get("target", self.tap)
        rows = keras.ops.minimum(keras.ops.shape(source)[0], keras.ops.shape(target)[0])
        share = keras.random.uniform((rows, 1), seed=self.draws)
        between = target[:rows] + share * (source[:rows] - target[:rows])
        points = keras.ops.concatenate([source, target, between], axis=0)
        return self.penalty * ops.gradient_penalty(self.critic, points) - self.call(batch, training)

    def get_config(self):
        """Returns the arguments of the method."""
        arguments = {"critic_steps": self.critic_steps, "penalty": self.penalty, "hidden": self.hidden}
        return {**super().get_config(), **arguments}
