"""AdaMatch: pseudo-labels whose shares and threshold follow the source."""

import keras

from tlkeras import ops
from tlkeras.transfer.method import Method

MOMENTUM = 0.99  # of the class shares: a hundred batches, near the 128 of the authors' code


@keras.saving.register_keras_serializable("tlkeras")
class AdaMatch(Method):
    """Trains strongly augmented target rows on labels that are as frequent, and as certain, as those of the source.

    `mean_i [max a_i >= t c] (-log q_i[argmax a_i])` with `q` the prediction of the strong view, `a_i` the prediction of
    the view `target` times `share of the class in the source / in the target`, scaled to sum to 1, and `c` the mean
    certainty on the source, `mean_j max p_j`. Only `q` carries a gradient. `tlkeras.data.views` makes the views.

    The shares are moving averages of the mean predictions, in weights of the method that are saved with it and never
    exported. Where the classes of the target are not as frequent as those of the source, the alignment is wrong.

    The logs hold `adamatch_confident`, the share of rows that teach, and `adamatch_largest_class`, the share of rows in
    the class that is predicted most; it goes to 1 where the predictions collapse.

    Deviations from the paper: no random interpolation between the source logits of a joint and of a separate pass,
    which a method that only reads cannot do; it matters only where BatchNorm mixes the domains. The supervised loss
    sees one view of the source. The weight is constant; the paper raises it from 0 to 1 over the first half
    of training, a schedule does so.

    Args:
        threshold: Number in [0, 1], the least certainty of a pseudo-label as a share of the source's; the paper's 0.9.
        strong_view: View that learns, row by row the same objects as `target`.
        weight: Factor on the term, a number >= 0 or a schedule.
        tap: Layer that holds the logits, `(batch, classes)`; `logits` by default.
        name: Name in the logs.

    Views:
        source, target, `strong_view`: the tapped layer, `(batch, classes)`, before any softmax. No labels are read.

    Returns:
        Scalar >= 0; 0 when no row is certain, or the strong view agrees without doubt.
        Under `tf.distribute` it is the mean over the replicas, each on its own batch.

    Raises:
        ValueError: If `threshold` is out of range, the tapped layer is not of rank 2 or has fewer than 2 columns, or
            the model has no layer `logits` and `tap` names none.

    Example:
        >>> AdaMatch(weight=DANNRamp(steps=2000)).views
        ('source', 'target', 'target_strong')

    Reference:
        Berthelot, Roelofs, Sohn, Carlini, Kurakin: AdaMatch: A Unified Approach to Semi-Supervised Learning and Domain
        Adaptation, 2022, https://arxiv.org/abs/2106.04732
    """

    answers = ("classes",)

    default_taps = ("logits",)

    def __init__(self, *, threshold=0.9, strong_view="target_strong", weight=1.0, tap=None, name=None):
        super().__init__(weight=weight, tap=tap, name=name)
        if not 0 <= threshold <= 1:
            raise ValueError(f"`threshold` must be in [0, 1]. Received: threshold={threshold}")
        self.threshold = threshold
        self.strong_view = strong_view
        self.views = ("source", "target") if strong_view == "target" else ("source", "target", strong_view)
        self.confident = keras.metrics.Mean(name=f"{self.name}_confident")
        self.largest_class = keras.metrics.Mean(name=f"{self.name}_largest_class")

    def build(self, batch_shape):
        """Makes the shares of the classes, uniform at first."""
        logits = keras.KerasTensor(batch_shape.get("target", self.tap))
        ops.check_classes("logits", logits)
        uniform = keras.initializers.Constant(1.0 / logits.shape[1])
        self.source_shares, self.target_shares = (
            self.add_weight(name=name, shape=logits.shape[1:], initializer=uniform, trainable=False, aggregation="mean")
            for name in ("source_shares", "target_shares")
        )

    def call(self, batch, training=None):
        """Returns the unweighted term, and in training moves the shares of the classes."""
        source, target = (
            keras.ops.softmax(keras.ops.stop_gradient(batch.get(view, self.tap)), axis=-1)
            for view in ("source", "target")
        )
        wanted, shares = (
            self._moved(kept, probabilities, training)
            for kept, probabilities in ((self.source_shares, source), (self.target_shares, target))
        )
        certainty = keras.ops.mean(keras.ops.max(source, axis=-1))
        labels = ops.pseudo_labels(ops.aligned_probabilities(target, shares, wanted), self.threshold * certainty)
        self.confident.update_state(keras.ops.sum(labels, axis=-1))
        self.largest_class.update_state(ops.largest_class_share(target))
        return ops.soft_cross_entropy(labels, batch.get(self.strong_view, self.tap))

    def _moved(self, kept, probabilities, training):
        moved = MOMENTUM * kept + (1.0 - MOMENTUM) * keras.ops.mean(probabilities, axis=0)
        if training:
            kept.assign(moved)
        return moved

    def get_config(self):
        """Returns the arguments of the method."""
        return {**super().get_config(), "threshold": self.threshold, "strong_view": self.strong_view}
