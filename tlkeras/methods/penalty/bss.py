"""Batch spectral shrinkage."""

import keras

from tlkeras import ops
from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class BSS(Method):
    """Shrinks the weakest directions of the features, which hold what does not transfer.

    `sum_{i=1}^{k} sigma_{-i}^2` over the `k` smallest singular values of the batch's feature matrix.

    The paper uses it beside another penalty (L2-SP, DELTA) as well as alone: methods add up in one list.

    Args:
        k: How many singular values, an integer >= 1; at most the batch size and the number of features.
        weight: Factor on the term (the paper's eta), a number >= 0 or a schedule.
        tap: Layer that holds the features, `(batch, features)`; `features` by default.
        name: Name in the logs.

    Views:
        source: the tapped layer, `(batch, features)`. No labels are read.

    Returns:
        Scalar >= 0; 0 when the features of the batch span fewer directions than rows and columns allow, by `k`.
        Under `tf.distribute` it is the mean over the replicas, each on its own batch.

    Raises:
        ValueError: If `k` is not an integer >= 1, or the tapped layer is not of rank 2 or has fewer than `k` features.

    Example:
        >>> BSS(k=2).name
        'bss'

    Reference:
        Chen, Wang, Fu, Long, Wang: Catastrophic Forgetting Meets Negative Transfer: Batch Spectral Shrinkage for Safe
        Transfer Learning, 2019, https://papers.nips.cc/paper/8466
    """

    views = ("source",)
    default_taps = ("features",)

    def __init__(self, *, k=1, weight=0.001, tap=None, name=None):
        super().__init__(weight=weight, tap=tap, name=name)
        if not isinstance(k, int) or k < 1:
            raise ValueError(f"`k` must be an integer >= 1. Received: k={k!r}")
        self.k = k

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        return ops.batch_spectral_shrinkage(batch.get("source", self.tap), self.k)

    def get_config(self):
        """Returns the arguments of the method."""
        return {**super().get_config(), "k": self.k}
