"""Source rows weighed by an online classifier of domains."""

import keras

from tlkeras import ops
from tlkeras.layers.domain_critic import DomainCritic
from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class DomainWeights(Method):
    """Lets source rows that look like target rows count more in the supervised loss, and leaves the encoder alone.

    `loss = mean w_i loss_i` over the source with `w_i = min(exp(-z_i) / mean_j exp(-z_j), largest)` and `z =
    critic(stop(features))`, the ratio of the target's density to the source's when the critic is at its best. The term
    trains the critic: `mean softplus(-z) over source, softplus(z) over target`.

    For a covariate shift: the classes of a row are the same in both domains, the rows are not, and the model is too
    simple to be right everywhere. A flexible model that fits all of the source gains nothing. It composes with a method
    that aligns features (sample-level with feature-level adaptation).

    Deviations from the paper: the classifier of domains learns along with the model instead of once, before it, from
    all rows; the mean is that of the batch; ratios above `largest` are cut, where the paper regularises. It starts
    undecided, every `w_i = 1`.

    Args:
        hidden: Widths of the critic's hidden layers; none, a logistic regression, as in the paper.
        largest: Number >= 1 that no factor exceeds.
        **kwargs: `weight` (factor on the term, which scales the critic's gradient only), `tap` (layer that the critic
            reads, `bottleneck` or `features` by default) and `name`.

    Views:
        source, target: the tapped layer, `(batch, features)`. No labels are read; those of the source are weighed.

    Returns:
        Scalar >= 0; log 2 = 0.693 when the critic cannot tell the domains apart, 0 when it always can.
        Under `tf.distribute` it is the mean over the replicas, each on its own batch.

    Raises:
        ValueError: If `largest` is below 1, a width is not a positive integer, or the tapped layer is not of rank 2.

    Example:
        >>> DomainWeights(hidden=(64,), largest=5.0).name
        'domainweights'

    Reference:
        Bickel, Brückner, Scheffer: Discriminative Learning for Differing Training and Test Distributions, 2007,
        https://doi.org/10.1145/1273496.1273507
    """

    def __init__(self, *, hidden=(), largest=10.0, **kwargs):
        super().__init__(**kwargs)
        if largest < 1:
            raise ValueError(f"`largest` must be >= 1, the mean of the factors. Received: largest={largest}")
        self.hidden = tuple(hidden)
        self.largest = largest
        self.critic = DomainCritic(self.hidden, logit_initializer="zeros", name="critic", dtype="float32")

    def build(self, batch_shape):
        """Builds the critic for the tapped layer."""
        self.critic.build(batch_shape.get("source", self.tap))

    def weigh(self, batch):
        """Returns the factors on the source rows, `(batch,)`."""
        # The gradient is multiplied by 0 and not stopped: nothing else makes TensorFlow compute the factors before the
        # optimizer of the same step changes the critic. That the strength is 0 must show at run time only.
        strength = keras.ops.cast(batch.step < 0, "float32")
        logits = ops.reverse_gradient(self._logits(batch, "source"), strength)
        return ops.density_ratios(logits, self.largest)

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        return ops.domain_cross_entropy(self._logits(batch, "source"), self._logits(batch, "target"))

    def _logits(self, batch, view):
        return self.critic(keras.ops.stop_gradient(batch.get(view, self.tap)))[:, 0]

    def get_config(self):
        """Returns the arguments of the method."""
        return {**super().get_config(), "hidden": self.hidden, "largest": self.largest}
