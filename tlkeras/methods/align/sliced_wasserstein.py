"""Sliced Wasserstein distance of features."""

import keras

from tlkeras import ops
from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class SlicedWasserstein(Method):
    """Moves source and target features onto each other along random directions, quantile by quantile.

    `mean_u integral_0^1 (F_us^-1(q) - F_ut^-1(q))^2 dq` over directions `u` on the unit sphere, drawn anew in every
    training step, with `F_us^-1` the quantile function of the source features projected on `u`. Exact for views of
    different sizes. Evaluation always takes the same directions.

    XLA draws slowly on a CPU: there the 128 directions of 256 features take most of a step. Fewer `projections` are
    fewer draws.

    Args:
        projections: Number of directions, an integer >= 1.
        seed: Integer that the draws start from, or None. The state of the draws is saved with the training.
        weight: Factor on the term, a number >= 0 or a schedule.
        tap: Layer to align, `(batch, features)`; `bottleneck` or `features` by default.
        name: Name in the logs.

    Views:
        source, target: the tapped layer, `(batch, features)`. No labels are read.

    Returns:
        Scalar >= 0; 0 when both batches hold the same rows.
        Under `tf.distribute` it is the mean over the replicas, each on its own batch.

    Raises:
        ValueError: If `projections` is no integer >= 1, or the tapped layer is not of rank 2.

    Example:
        >>> SlicedWasserstein(projections=50).name
        'slicedwasserstein'

    Reference:
        Rabin, Peyre, Delon, Bernot: Wasserstein Barycenter and its Application to Texture Mixing, 2011,
        https://doi.org/10.1007/978-3-642-24785-9_37; for features of two domains: Lee, Batra, Baig, Ulbricht: Sliced
        Wasserstein Discrepancy for Unsupervised Domain Adaptation, 2019, https://arxiv.org/abs/1903.04064
    """

    def __init__(self, *, projections=128, seed=None, weight=1.0, tap=None, name=None):
        super().__init__(weight=weight, tap=tap, name=name)
        if not isinstance(projections, int) or projections < 1:
            raise ValueError(f"`projections` must be an integer >= 1. Received: projections={projections!r}")
        self.projections = projections
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        source, target = batch.get("source", self.tap), batch.get("target", self.tap)
        seed = self.seed_generator if training else 0
        return ops.sliced_wasserstein(source, target, ops.random_directions(source.shape[-1], self.projections, seed))

    def get_config(self):
        """Returns the arguments of the method."""
        return {**super().get_config(), "projections": self.projections, "seed": self.seed}
