"""Deep CORAL."""

import keras

from tlkeras import ops
from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class CORAL(Method):
    """Pulls the covariances of source and target features together.

    `||C_s - C_t||_F^2 / (4 d^2)` with unbiased covariances of the batch and `d` features, and with `means` in addition
    `||mean_s - mean_t||^2 / (4 d)`.

    The paper has no means. tllib's CORAL has them: what it computes is twice `CORAL(means=True)`.

    Args:
        means: Whether to pull the means together too.
        weight: Factor on the term, a number >= 0 or a schedule. The paper lets the term and the supervised loss end
            roughly equal.
        tap: Layer to align, `(batch, features)`; `bottleneck` or `features` by default.
        name: Name in the logs.

    Views:
        source, target: the tapped layer, `(batch, features)`, at least 2 rows. No labels are read.

    Returns:
        Scalar >= 0; 0 when the covariances, and with `means` the means, are equal.
        Under `tf.distribute` it is the mean over the replicas, each on its own batch.

    Raises:
        ValueError: If the tapped layer is not of rank 2, or a batch of fixed size holds one row.

    Example:
        >>> CORAL(weight=10.0).name
        'coral'

    Reference:
        Sun, Saenko: Deep CORAL: Correlation Alignment for Deep Domain Adaptation, 2016,
        https://arxiv.org/abs/1607.01719
    """

    def __init__(self, *, means=False, weight=1.0, tap=None, name=None):
        super().__init__(weight=weight, tap=tap, name=name)
        self.means = means

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        return ops.coral(batch.get("source", self.tap), batch.get("target", self.tap), self.means)

    def get_config(self):
        """Returns the arguments of the method."""
        return {**super().get_config(), "means": self.means}
