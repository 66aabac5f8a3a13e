"""Adaptive feature norm."""

import keras

from tlkeras import ops
from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class AFN(Method):
    """Lengthens the features of both domains, since the target's come out too short to be told apart.

    Stepwise (SAFN, the default): `mean_i (||f_i|| - sg(||f_i||) - step)^2`, each norm against its own stopped value
    plus a step. Hard (HAFN): `(mean_i ||f_i|| - radius)^2`. Either is summed over source and target.

    Deviation from the paper: the stepwise form averages over each view and adds the two, as the authors' code does; the
    paper averages over both together. The authors rescale the features around dropout to keep their norm: put the tap
    where no dropout follows within the encoder.

    Args:
        step: How much longer each feature is asked to be, a number > 0; None for the hard form.
        radius: Mean norm of the hard form, a number > 0 (the paper uses 25); needs `step=None`.
        weight: Factor on the term, a number >= 0 or a schedule; the paper uses 0.05.
        tap: Layer to align, `(batch, features)`; `bottleneck` or `features` by default.
        name: Name in the logs.

    Views:
        source, target: the tapped layer, `(batch, features)`. No labels are read.

    Returns:
        Stepwise: always `2 step^2`; its gradient is what counts, so look at the norms and not at this number.
        Hard: scalar >= 0; 0 when the mean norm of both views is `radius`.
        Under `tf.distribute` it is the mean over the replicas, each on its own batch.

    Raises:
        ValueError: If not exactly one of `step` and `radius` is given, it is not positive, or the tapped layer is not
            of rank 2.

    Example:
        >>> AFN(step=None, radius=25.0).name
        'afn'

    Reference:
        Xu, Li, Yang, Lin: Larger Norm More Transferable: An Adaptive Feature Norm Approach for Unsupervised Domain
        Adaptation, 2019, https://arxiv.org/abs/1811.07456
    """

    def __init__(self, *, step=1.0, radius=None, weight=0.05, tap=None, name=None):
        super().__init__(weight=weight, tap=tap, name=name)
        given = [value for value in (step, radius) if value is not None]
        if len(given) != 1 or given[0] <= 0:
            raise ValueError(
                "Give one of `step` and `radius`, a number > 0; `step=None` is the hard form. "
                f"Received: step={step}, radius={radius}"
            )
        self.step = step
        self.radius = radius

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        views = [batch.get(view, self.tap) for view in self.views]
        if self.radius is None:
            return sum(ops.norm_step(features, self.step) for features in views)
        return sum(ops.norm_gap(features, self.radius) for features in views)

    def get_config(self):
        """Returns the arguments of the method."""
        return {**super().get_config(), "step": self.step, "radius": self.radius}
