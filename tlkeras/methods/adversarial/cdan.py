"""Conditional domain-adversarial training."""

import keras

from tlkeras import ops
from tlkeras.layers.domain_critic import DomainCritic
from tlkeras.layers.random_map import RandomMap
from tlkeras.ops.moments import check_rank_2
from tlkeras.transfer import schedules
from tlkeras.transfer.method import Method

WIDEST_PRODUCT = 4096  # of features x classes, as in the paper; a wider one is projected at random
RANDOM_UNITS = 1024  # width of that projection in the authors' code


@keras.saving.register_keras_serializable("tlkeras")
class CDAN(Method):
    """Trains a critic to tell the domains apart by features and predictions, and the encoder to prevent it.

    `mean w softplus(-z) over source, w softplus(z) over target` with `z = critic(reverse(T(f, p)))`, `p =
    softmax(logits)` without gradient, and `T` the outer product `f p^T`, or `(f R_f) * (p R_p) / sqrt(1024)` with
    random matrices, drawn once, where that is wider than 4096.

    `w = 1`, or with `entropy=True` (CDAN+E) `w = 1 + exp(-H(p))` divided by its mean over the view. As in the paper
    the model works against the critic through `w` too: the gradient that reaches the predictions by way of `w` is
    reversed, which lowers their entropy, also in the classifier.

    Deviations: the paper does not normalise `w`. The authors' code does, in each view, as here; tllib normalises over
    both views together and stops the gradient of `w`. The strength rises with the step as in `DANN`, and the critic
    has no BatchNorm or dropout by default (tllib: `batch_norm=True`; the authors: dropout).

    Args:
        strength: Factor on the gradient that reaches the model, a number >= 0 or a schedule; `DANN`'s by default.
        hidden: Widths of the critic's hidden layers.
        batch_norm: Whether a BatchNormalization follows each of them, over both views together.
        entropy: Whether certain predictions count more.
        **kwargs: `weight` (factor on the whole term, critic included), `tap` (layer to align, `bottleneck` or
            `features` by default) and `name`.

    Views:
        source, target: the tapped layer, `(batch, features)`, and the layer `logits`, `(batch, classes)`, before any
            softmax. No labels are read.

    Returns:
        Scalar >= 0; log 2 = 0.693 when the critic cannot tell the domains apart, 0 when it always can.
        Under `tf.distribute` it is the mean over the replicas, each on its own batch.

    Raises:
        ValueError: If `strength` is neither a number >= 0 nor a schedule, a tapped layer is not of rank 2, or there
            are fewer than 2 classes.

    Example:
        >>> CDAN(hidden=(256,), entropy=True).taps
        (None, 'logits')

    Reference:
        Long, Cao, Wang, Jordan: Conditional Adversarial Domain Adaptation, 2018, https://arxiv.org/abs/1705.10667
    """

    answers = ("classes",)

    def __init__(self, *, strength=None, hidden=(1024, 1024), batch_norm=False, entropy=False, **kwargs):
        super().__init__(**kwargs)
        default = schedules.DANNRamp(steps=10_000)
        self.strength = schedules.check("strength", default if strength is None else strength)
        self.hidden = tuple(hidden)
        self.batch_norm = batch_norm
        self.entropy = entropy
        self.critic = DomainCritic(self.hidden, batch_norm, name="critic", dtype="float32")

    @property
    def taps(self):
        """Names of the layers that `call` reads."""
        return (self.tap, "logits")

    def build(self, batch_shape):
        """Builds the critic for the product, and the random map where the product is too wide."""
        features, logits = batch_shape.get("source", self.tap), batch_shape.get("source", "logits")
        ops.check_classes("logits", keras.KerasTensor(logits))
        check_rank_2("features", keras.KerasTensor(features))
        width = features[-1] * logits[-1]
        self.joined = ops.multilinear_map
        if width > WIDEST_PRODUCT:
            width = RANDOM_UNITS
            self.joined = RandomMap(width, name="random_map", dtype="float32")
            self.joined.build(features, logits)
        self.critic.build((None, width))

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        strength = schedules.value_at(self.strength, batch.step)
        views = ("source", "target")
        features = keras.ops.concatenate([batch.get(view, self.tap) for view in views], axis=0)
        predictions = [keras.ops.softmax(batch.get(view, "logits"), axis=-1) for view in views]
        product = self.joined(
            ops.reverse_gradient(features, strength),
            keras.ops.stop_gradient(keras.ops.concatenate(predictions, axis=0)),
        )
        logits = self.critic(product, training=training)[:, 0]
        weights = 1.0
        if self.entropy:
            weights = keras.ops.concatenate(
                [ops.entropy_weights(ops.reverse_gradient(rows, strength)) for rows in predictions]
            )
        count = keras.ops.shape(predictions[0])[0]
        return ops.domain_cross_entropy(logits[:count], logits[count:], weights)

    def get_config(self):
        """Returns the arguments of the method."""
        arguments = {"hidden": self.hidden, "batch_norm": self.batch_norm, "entropy": self.entropy}
        return {**super().get_config(), "strength": schedules.serialized(self.strength), **arguments}
