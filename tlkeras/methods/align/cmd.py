"""Central moment discrepancy."""

import keras

from tlkeras import ops
from tlkeras.transfer.method import Method

INTERVALS = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "relu6": (0.0, 6.0),
    "tanh": (-1.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
}


@keras.saving.register_keras_serializable("tlkeras")
class CMD(Method):
    """Pulls means and central moments of bounded source and target features together, order by order.

    `||c_1(s) - c_1(t)|| / w + sum_{k=2..K} ||c_k(s) - c_k(t)|| / w^k`, with `c_1` the mean, `c_k` the `k`-th central
    moment of each feature over the batch, and `w` the length of the interval in which the features lie.

    Args:
        interval: The two ends `(low, high)` of the features' range, or None for that of the tapped layer's activation
            (sigmoid, tanh, softsign, ReLU6 ...). Features outside it make the higher orders outweigh the lower ones.
        moments: Highest order `K`, an integer >= 1; the paper uses 5.
        weight: Factor on the term, a number >= 0 or a schedule.
        tap: Layer to align, `(batch, features)`; `bottleneck` or `features` by default.
        name: Name in the logs.

    Views:
        source, target: the tapped layer, `(batch, features)`. No labels are read.

    Returns:
        Scalar in [0, K sqrt(features)]; 0 when the moments agree.
        Under `tf.distribute` it is the mean over the replicas, each on its own batch.

    Raises:
        ValueError: If `interval` is not two ends in order, or is None and the tapped layer has no bounded activation,
            `moments` is no integer >= 1, or the tapped layer is not of rank 2.

    Example:
        >>> CMD(interval=(-1.0, 1.0)).moments
        5

    Reference:
        Zellinger, Grubinger, Lughofer, Natschlaeger, Saminger-Platz: Central Moment Discrepancy (CMD) for
        Domain-Invariant Representation Learning, 2017, https://arxiv.org/abs/1702.08811
    """

    def __init__(self, *, interval=None, moments=5, weight=1.0, tap=None, name=None):
        super().__init__(weight=weight, tap=tap, name=name)
        if interval is not None and (len(interval) != 2 or not interval[0] < interval[1]):
            raise ValueError(f"`interval` must be (low, high) with low < high. Received: interval={interval}")
        if not isinstance(moments, int) or moments < 1:
            raise ValueError(f"`moments` must be an integer >= 1. Received: moments={moments!r}")
        self.interval = None if interval is None else tuple(interval)
        self.moments = moments

    def bind(self, model):
        """Reads the interval off the tapped layer's activation, where none was given."""
        if self.interval is not None:
            return
        layer = next((layer for layer in model.layers if layer.name == self.tap), None)
        activation = getattr(getattr(layer, "activation", None), "__name__", None)
        if activation not in INTERVALS:
            raise ValueError(
                "`interval=None` needs a tapped layer with a bounded activation: give it one of "
                f"{sorted(INTERVALS)}, or say in `interval=` where its features lie. "
                f"Received: tap={self.tap!r}, activation={activation}"
            )
        self.interval = INTERVALS[activation]

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        source, target = batch.get("source", self.tap), batch.get("target", self.tap)
        return ops.central_moment_discrepancy(source, target, self.interval[1] - self.interval[0], self.moments)

    def get_config(self):
        """Returns the arguments of the method."""
        return {**super().get_config(), "interval": self.interval, "moments": self.moments}
