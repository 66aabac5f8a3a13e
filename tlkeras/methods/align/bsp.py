"""Batch spectral penalisation."""

import keras

from tlkeras import ops
from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class BSP(Method):
    """Weakens the strongest direction of the features of each domain, so that the others count for the classes too.

    `sum_{i=1}^{k} (sigma_{s,i}^2 + sigma_{t,i}^2)` over the `k` largest singular values of the feature matrix of the
    source and of the target.

    Adversarial alignment rests on the strongest directions and lets the others, which separate the classes, wither: the
    paper adds this to DANN or CDAN, here by one list, `methods=[DANN(), BSP()]`.

    Args:
        k: How many singular values of each view, an integer >= 1; a smaller batch gives all it has.
        weight: Factor on the term (the paper's beta), a number >= 0 or a schedule. It grows with the batch: the sum is
            not divided by the rows.
        tap: Layer to align, `(batch, features)`; `bottleneck` or `features` by default.
        name: Name in the logs.

    Views:
        source, target: the tapped layer, `(batch, features)`. No labels are read.

    Returns:
        Scalar >= 0; 0 only when all features are 0.
        Under `tf.distribute` it is the mean over the replicas, each on its own batch.

    Raises:
        ValueError: If `k` is not an integer >= 1, or the tapped layer is not of rank 2.

    Example:
        >>> BSP(k=2).name
        'bsp'

    Reference:
        Chen, Wang, Long, Wang: Transferability vs. Discriminability: Batch Spectral Penalization for Adversarial
        Domain Adaptation, 2019, https://proceedings.mlr.press/v97/chen19i.html
    """

    def __init__(self, *, k=1, weight=0.0001, tap=None, name=None):
        super().__init__(weight=weight, tap=tap, name=name)
        if not isinstance(k, int) or isinstance(k, bool) or k < 1:
            raise ValueError(f"`k` must be an integer >= 1. Received: k={k!r}")
        self.k = k

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        return sum(ops.largest_squared_singular_values(batch.get(view, self.tap), self.k) for view in self.views)

    def get_config(self):
        """Returns the arguments of the method."""
        return {**super().get_config(), "k": self.k}
