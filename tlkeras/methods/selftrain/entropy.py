"""Entropy minimisation."""

import keras

from tlkeras import ops
from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class Entropy(Method):
    """Makes the predictions on the target certain, so that the borders between classes leave its dense regions.

    `mean_i H(p_i)` with `p = softmax(logits)` and `H(p) = -sum_k p_k log p_k`.

    Nothing in the term keeps the classes apart: with too large a weight all rows go to one class. The logs hold
    `entropy_largest_class`, the share of rows in the class that is predicted most; it goes to 1 in such a collapse.

    Args:
        weight: Factor on the term, a number >= 0 or a schedule. The paper chooses it on labelled data.
        tap: Layer that holds the logits, `(batch, classes)`; `logits` by default.
        name: Name in the logs.

    Views:
        target: the tapped layer, `(batch, classes)`, before any softmax. No labels are read.

    Returns:
        Scalar in [0, log classes]; 0 when every prediction is certain.

    Raises:
        ValueError: If the tapped layer is not of rank 2 or has fewer than 2 columns, or the model has no layer `logits`
            and `tap` names none.

    Example:
        >>> Entropy(weight=0.1).name
        'entropy'

    Reference:
        Grandvalet, Bengio: Semi-supervised Learning by Entropy Minimization, 2004,
        https://papers.nips.cc/paper/2740-semi-supervised-learning-by-entropy-minimization
    """

    answers = ("classes",)
    views = ("target",)
    default_taps = ("logits",)

    def __init__(self, *, weight=1.0, tap=None, name=None):
        super().__init__(weight=weight, tap=tap, name=name)
        self.largest_class = keras.metrics.Mean(name=f"{self.name}_largest_class")

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        logits = batch.get("target", self.tap)
        ops.check_classes("logits", logits)
        self.largest_class.update_state(ops.largest_class_share(logits))
        return keras.ops.mean(ops.entropy(keras.ops.softmax(logits, axis=-1)))
