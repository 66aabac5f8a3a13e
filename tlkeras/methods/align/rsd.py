"""Representation subspace distance."""

import keras

from tlkeras import ops
from tlkeras.ops.moments import check_rank_2
from tlkeras.transfer.method import Method

MOST = 32  # bases by default; the paper's batches span 36


@keras.saving.register_keras_serializable("tlkeras")
class RSD(Method):
    """Turns the subspaces that source and target features span towards each other and leaves the features' scale alone.

    `sum_i sin theta_i + mismatch || |P_s| - |P_t| ||_F^2` with `U_s^T U_t = P_s cos(theta) P_t^T`, `U` the leading left
    singular vectors of the features `(features, batch)`. For regression, whose values hang on the scale of features,
    which methods that match moments or fool a critic change.

    Deviations: `bases` leading directions are compared instead of all that the batch spans, so that it also works where
    a batch has more rows than features; the gradient of singular vectors is damped where two singular values meet,
    `tlkeras.ops.damped_eigenvectors` (the authors' is infinite there); the mismatch is squared as in the paper and not
    as in the authors' code.

    Args:
        bases: How many directions of each view, in [1, features - 1] (all of them always span the same); by default
            half of the features, 32 at most.
        mismatch: Weight >= 0 of the bases mismatch penalty (the paper's beta).
        weight: Factor on the term (0.001 for 36 bases in the authors' code), a number >= 0 or a schedule.
        tap: Layer to align, `(batch, features)`; `bottleneck` or `features` by default.
        name: Name in the logs.

    Views:
        source, target: the tapped layer, `(batch, features)`. No labels are read.

    Returns:
        Scalar >= 0; 0 when both batches span the same directions in the same order.
        Under `tf.distribute` it is the mean over the replicas, each on its own batch.

    Raises:
        ValueError: If `bases` is not an integer in its range, `mismatch` is negative, or the layer is not of rank 2.

    Example:
        >>> RSD(bases=4).name
        'rsd'

    Reference:
        Chen, Wang, Wang, Long: Representation Subspace Distance for Domain Adaptation Regression, 2021,
        https://proceedings.mlr.press/v139/chen21u.html
    """

    def __init__(self, *, bases=None, mismatch=0.1, weight=0.01, tap=None, name=None):
        super().__init__(weight=weight, tap=tap, name=name)
        if bases is not None and (isinstance(bases, bool) or not isinstance(bases, int) or bases < 1):
            raise ValueError(f"`bases` must be an integer >= 1, or None. Received: bases={bases!r}")
        if mismatch < 0:
            raise ValueError(f"`mismatch` must be >= 0. Received: mismatch={mismatch}")
        self.bases, self.mismatch = bases, mismatch

    def build(self, batch_shape):
        """Settles how many directions are compared."""
        shape = batch_shape.get("source", self.tap)
        check_rank_2("features", keras.KerasTensor(shape))
        self._bases = max(min(shape[-1] // 2, MOST), 1) if self.bases is None else self.bases
        if self._bases >= shape[-1]:
            raise ValueError(
                f"`bases` must be below the {shape[-1]} features of the layer {self.tap!r}: as many directions span "
                f"all there is, in both domains. Received: bases={self.bases}"
            )

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        distance, mismatch = ops.subspace_distance(
            batch.get("source", self.tap), batch.get("target", self.tap), self._bases
        )
        return distance + self.mismatch * mismatch

    def get_config(self):
        """Returns the arguments of the method."""
        return {**super().get_config(), "bases": self.bases, "mismatch": self.mismatch}
