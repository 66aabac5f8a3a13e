"""Multi-kernel maximum mean discrepancy, as in DAN."""

import keras

from tlkeras import ops
from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class MMD(Method):
    """Pulls the mean embeddings of source and target features together under a mixture of Gaussian kernels.

    `mean K_ss + mean K_tt - 2 mean K_st`, `K = mean_m exp(-d / (2 m s))`, `s` the mean squared distance in the batch.

    Deviations from the paper: one layer instead of several; the kernels are weighted equally instead of learned; the
    biased estimate (V-statistic, never negative) instead of the linear-time one.

    Args:
        multipliers: Kernel widths as multiples of the mean squared distance.
        weight: Factor on the term, a number >= 0 or a schedule.
        tap: Layer to align, `(batch, features)`; `bottleneck` or `features` by default.
        name: Name in the logs.

    Views:
        source, target: the tapped layer, `(batch, features)`. No labels are read.

    Returns:
        Scalar in [0, 2]; 0 when both batches hold the same rows.
        Under `tf.distribute` it is the mean over the replicas, each on its own batch.

    Raises:
        ValueError: If `multipliers` is empty or holds a number <= 0, or the tapped layer is not of rank 2.

    Example:
        >>> MMD(multipliers=(0.5, 1.0, 2.0)).name
        'mmd'

    Reference:
        Long, Cao, Wang, Jordan: Learning Transferable Features with Deep Adaptation Networks, 2015,
        https://arxiv.org/abs/1502.02791
    """

    def __init__(self, *, multipliers=(0.125, 0.25, 0.5, 1.0, 2.0), weight=1.0, tap=None, name=None):
        super().__init__(weight=weight, tap=tap, name=name)
        if not multipliers or min(multipliers) <= 0:
            raise ValueError(f"`multipliers` must hold numbers > 0. Received: multipliers={multipliers}")
        self.multipliers = tuple(multipliers)

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        return ops.mmd(batch.get("source", self.tap), batch.get("target", self.tap), self.multipliers)

    def get_config(self):
        """Returns the arguments of the method."""
        return {**super().get_config(), "multipliers": self.multipliers}
