"""FixMatch, and with it pseudo-labels and FlexMatch."""

import keras

from tlkeras import ops
from tlkeras.transfer.method import Method

MOMENTUM = 0.99  # a hundred batches: a pass over the target, where the paper keeps one record for each row


@keras.saving.register_keras_serializable("tlkeras")
class FixMatch(Method):
    """Trains strongly augmented target rows on the labels that the model is certain of for the weakly augmented ones.

    `mean_i [max p_i >= t] (-log q_i[argmax p_i])` with `p = softmax(logits)` of the view `target`, which carries no
    gradient, and `q` that of the strong view. `tlkeras.data.views` makes the views.

    With `strong_view="target"` it is plain pseudo-labelling (Lee 2013) with a threshold. With `flexible=True` it is
    FlexMatch: each class has a threshold of its own, `t b / (2 - b)`, where `b` says how much of the class was learned
    compared with the best one, or with what is not learned yet; all of them start at 0.

    The logs hold `fixmatch_confident`, the share of rows that teach, and `fixmatch_largest_class`, the share of rows in
    the class that is predicted most; it goes to 1 where the predictions collapse.

    Deviation from FlexMatch: it remembers the last label of every row of the data; here the shares of the classes are
    moving averages over the batches, in weights of the method that are saved with it and never exported.

    Args:
        threshold: Number in [0, 1], the least probability of a pseudo-label.
        flexible: Whether each class has a threshold of its own, at most `threshold`.
        strong_view: View that learns, row by row the same objects as `target`.
        weight: Factor on the term, a number >= 0 or a schedule; the paper uses 1.
        tap: Layer that holds the logits, `(batch, classes)`; `logits` by default.
        name: Name in the logs.

    Views:
        target, `strong_view`: the tapped layer, `(batch, classes)`, before any softmax. No labels are read.

    Returns:
        Scalar >= 0; 0 when no row is certain, or the strong view agrees without doubt.

    Raises:
        ValueError: If `threshold` is out of range, the tapped layer is not of rank 2 or has fewer than 2 columns, or
            the model has no layer `logits` and `tap` names none.

    Example:
        >>> FixMatch(flexible=True).views, FixMatch(strong_view="target").views
        (('target', 'target_strong'), ('target',))

    Reference:
        Sohn et al.: FixMatch: Simplifying Semi-Supervised Learning with Consistency and Confidence, 2020,
        https://arxiv.org/abs/2001.07685; Zhang et al.: FlexMatch, 2021, https://arxiv.org/abs/2110.08263; Lee:
        Pseudo-Label: The Simple and Efficient Semi-Supervised Learning Method for Deep Neural Networks, 2013
    """

    answers = ("classes",)

    default_taps = ("logits",)

    def __init__(self, *, threshold=0.95, flexible=False, strong_view="target_strong", weight=1.0, tap=None, name=None):
        super().__init__(weight=weight, tap=tap, name=name)
        if not 0 <= threshold <= 1:
            raise ValueError(f"`threshold` must be in [0, 1]. Received: threshold={threshold}")
        self.threshold = threshold
        self.flexible = flexible
        self.strong_view = strong_view
        self.views = ("target",) if strong_view == "target" else ("target", strong_view)
        self.confident = keras.metrics.Mean(name=f"{self.name}_confident")
        self.largest_class = keras.metrics.Mean(name=f"{self.name}_largest_class")

    def build(self, batch_shape):
        """Makes the record of what was learned of each class."""
        logits = keras.KerasTensor(batch_shape.get("target", self.tap))
        ops.check_classes("logits", logits)
        if self.flexible:
            self.learned = self.add_weight(
                name="learned", shape=logits.shape[1:], initializer="zeros", trainable=False, aggregation="mean"
            )

    def call(self, batch, training=None):
        """Returns the unweighted term, and in training updates what was learned of each class."""
        logits = batch.get("target", self.tap)
        probabilities = keras.ops.softmax(logits, axis=-1)
        thresholds = ops.curriculum_thresholds(self.learned, self.threshold) if self.flexible else self.threshold
        labels = ops.pseudo_labels(probabilities, thresholds)
        if self.flexible and training:
            certain = keras.ops.mean(ops.pseudo_labels(probabilities, self.threshold), axis=0)
            self.learned.assign(MOMENTUM * self.learned + (1.0 - MOMENTUM) * certain)
        self.confident.update_state(keras.ops.sum(labels, axis=-1))
        self.largest_class.update_state(ops.largest_class_share(logits))
        return ops.soft_cross_entropy(labels, batch.get(self.strong_view, self.tap))

    def get_config(self):
        """Returns the arguments of the method."""
        arguments = {"threshold": self.threshold, "flexible": self.flexible, "strong_view": self.strong_view}
        return {**super().get_config(), **arguments}
