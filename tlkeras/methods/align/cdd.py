"""Contrastive domain discrepancy."""

import keras

from tlkeras import ops
from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class CDD(Method):
    """Pulls each class of the target to the same class of the source, and away from the other classes.

    `mean_c D(c, c) - mean_{c != c'} D(c, c')` with `D(c, c')` the squared maximum mean discrepancy of the source rows
    of class `c` and the target rows predicted as `c'`. A class absent from one side of the batch counts nothing.

    Deviations from the paper (CAN): it labels the target once an epoch by spherical k-means from the source's class
    centres, drops rows far from their centre and classes with few rows, and draws batches class by class; here the
    label of a target row is the model's own prediction in the same step, rows less certain than `confidence` (by
    default none) are dropped, and batches come as they are: let them be a few times larger than the number of
    classes. One kernel width serves all classes of a batch. The paper aligns several layers: list several, each with
    its `tap` and `name`.

    Args:
        confidence: Probability in [0, 1] that a prediction on the target must reach to be taken as a label.
        multipliers: Kernel widths as multiples of the mean squared distance, one Gaussian each.
        weight: Factor on the term, a number >= 0 or a schedule; the paper uses 0.3.
        tap: Layer to align, `(batch, features)`; `bottleneck` or `features` by default.
        name: Name in the logs.

    Views:
        source: the tapped layer and integer labels `(batch,)`; target: the tapped layer, `(batch, features)`, and the
            layer `logits`, `(batch, classes)`, before any softmax, of which no gradient is taken.

    Returns:
        Scalar in [-2, 2]: negative when the classes agree across the domains and differ from each other, 0 when no
        class is on both sides.
        Under `tf.distribute` it is the mean over the replicas, each on its own batch.

    Raises:
        ValueError: If `confidence` is not in [0, 1], `multipliers` is empty or holds a number <= 0, the tapped layer is
            not of rank 2, `logits` is not `(batch, classes)`, or the labels are no class indices.

    Example:
        >>> CDD(confidence=0.8).taps
        (None, 'logits')

    Reference:
        Kang, Jiang, Yang, Hauptmann: Contrastive Adaptation Network for Unsupervised Domain Adaptation, 2019,
        https://arxiv.org/abs/1901.00976
    """

    answers = ("classes",)

    def __init__(self, *, confidence=0.0, multipliers=(0.125, 0.25, 0.5, 1.0, 2.0), weight=0.3, tap=None, name=None):
        super().__init__(weight=weight, tap=tap, name=name)
        if not 0.0 <= confidence <= 1.0:
            raise ValueError(f"`confidence` must be in [0, 1]. Received: confidence={confidence}")
        if not multipliers or min(multipliers) <= 0:
            raise ValueError(f"`multipliers` must hold numbers > 0. Received: multipliers={multipliers}")
        self.confidence = confidence
        self.multipliers = tuple(multipliers)

    @property
    def taps(self):
        """Names of the layers that `call` reads."""
        return (self.tap, "logits")

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        logits = batch.get("target", "logits")
        ops.check_classes("logits", logits)
        known = ops.class_indices(batch.get("source", "labels"))
        probabilities = keras.ops.stop_gradient(keras.ops.softmax(logits, axis=-1))
        certain = keras.ops.max(probabilities, axis=-1, keepdims=True) >= self.confidence
        guessed = keras.ops.one_hot(keras.ops.argmax(probabilities, axis=-1), logits.shape[-1])
        return ops.contrastive_discrepancy(
            batch.get("source", self.tap),
            batch.get("target", self.tap),
            keras.ops.one_hot(known, logits.shape[-1]),
            keras.ops.where(certain, guessed, 0.0),
            self.multipliers,
        )

    def get_config(self):
        """Returns the arguments of the method."""
        return {**super().get_config(), "confidence": self.confidence, "multipliers": self.multipliers}
