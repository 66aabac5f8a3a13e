"""Minimum class confusion."""

import keras

from tlkeras import ops
from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class MCC(Method):
    """Makes the predictions on the target stop confusing pairs of classes.

    `p = softmax(logits / T)`, `C = p^T diag(w) p` with entropy weights `w`, rows of `C` normalised, and the term is
    the off-diagonal mass of `C` divided by the number of classes.

    Args:
        temperature: Number > 0 that softens the predictions; the paper uses 2.5.
        weight: Factor on the term, a number >= 0 or a schedule.
        tap: Layer that holds the logits, `(batch, classes)`; `logits` by default.
        name: Name in the logs.

    Views:
        target: the tapped layer, `(batch, classes)`, before any softmax. No labels are read.

    Returns:
        Scalar in [0, 1 - 1 / classes]; 0 when no two classes share any probability. A batch predicted as one class
        without doubt scores near 0 too: the supervised loss is what prevents that collapse.
        Under `tf.distribute` it is the mean over the replicas, each on its own batch.

    Raises:
        ValueError: If `temperature` is not positive, the tapped layer is not of rank 2 or has fewer than 2 columns,
            or the model has no layer `logits` and `tap` names none.

    Example:
        >>> MCC(temperature=2.0).name
        'mcc'

    Reference:
        Jin, Wang, Long, Wang: Minimum Class Confusion for Versatile Domain Adaptation, 2020,
        https://arxiv.org/abs/1912.03699
    """

    answers = ("classes",)
    views = ("target",)
    default_taps = ("logits",)

    def __init__(self, *, temperature=2.5, weight=1.0, tap=None, name=None):
        super().__init__(weight=weight, tap=tap, name=name)
        if temperature <= 0:
            raise ValueError(f"`temperature` must be > 0. Received: temperature={temperature}")
        self.temperature = temperature

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        logits = batch.get("target", self.tap)
        ops.check_classes("logits", logits)
        return ops.class_confusion(logits, self.temperature)

    def get_config(self):
        """Returns the arguments of the method."""
        return {**super().get_config(), "temperature": self.temperature}
