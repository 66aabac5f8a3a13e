"""Batch nuclear-norm maximisation."""

import keras

from tlkeras import ops
from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class BNM(Method):
    """Makes the predictions on the target confident and, at once, spread over the classes.

    `- ||P||_* / batch` with `P = softmax(logits)` of the target batch and the nuclear norm, the sum of singular values:
    it is large when rows are near one-hot and when many classes occur.

    Deviation of the authors' code from the paper: it divides by `min(batch, classes)`, this and the paper by `batch`.
    On a CPU under XLA the decomposition is slow for hundreds of classes (a second a step at 64 x 345, milliseconds
    without XLA): compile with `jit_compile=False` there.

    Args:
        weight: Factor on the term, a number >= 0 or a schedule; the paper uses 1.
        tap: Layer that holds the logits, `(batch, classes)`; `logits` by default.
        name: Name in the logs.

    Views:
        target: the tapped layer, `(batch, classes)`, before any softmax. No labels are read.

    Returns:
        Scalar in [-1, 0), never 0. It is at most `-1 / sqrt(batch classes)`, for predictions that know nothing, and at
        least `-sqrt(min(batch, classes) / batch)`, for one-hot predictions in which all classes are equally frequent.
        Under `tf.distribute` it is the mean over the replicas, each on its own batch.

    Raises:
        ValueError: If the tapped layer is not of rank 2 or has fewer than 2 columns, or the model has no layer `logits`
            and `tap` names none.

    Example:
        >>> BNM(weight=0.5).name
        'bnm'

    Reference:
        Cui, Wang, Zhuo, Li, Huang, Tian: Towards Discriminability and Diversity: Batch Nuclear-norm Maximization under
        Label Insufficient Situations, 2020, https://arxiv.org/abs/2003.12237
    """

    answers = ("classes",)
    views = ("target",)
    default_taps = ("logits",)

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        logits = batch.get("target", self.tap)
        ops.check_classes("logits", logits)
        probabilities = keras.ops.softmax(logits, axis=-1)
        rows = keras.ops.cast(keras.ops.shape(probabilities)[0], probabilities.dtype)
        return -ops.nuclear_norm(probabilities) / rows
