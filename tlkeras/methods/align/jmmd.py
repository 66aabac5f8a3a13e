"""Joint maximum mean discrepancy, as in JAN."""

import keras

from tlkeras import ops
from tlkeras.transfer.method import Method

PREDICTIONS = (1.0,)  # kernel widths for the predictions: one kernel, as in the authors' code


@keras.saving.register_keras_serializable("tlkeras")
class JMMD(Method):
    """Pulls the joint embeddings of features and predictions of source and target together.

    `mean K_ss + mean K_tt - 2 mean K_st` with `K = K_features * K_predictions`, the predictions `softmax(logits)`, and
    each factor a mixture of Gaussian kernels `mean_m exp(-d / (2 m s))`, `s` the mean squared distance in the batch.

    Deviations from the paper: `s` is the mean instead of the median (the authors' code fixes `2 s = 1.68` for the
    predictions); the biased estimate (V-statistic, never negative) instead of the linear-time one; no adversarial layer
    between features and kernel.

    Args:
        multipliers: Kernel widths for the features as multiples of the mean squared distance.
        weight: Factor on the term, a number >= 0 or a schedule.
        tap: Layer to align, `(batch, features)`; `bottleneck` or `features` by default.
        name: Name in the logs.

    Views:
        source, target: the tapped layer, `(batch, features)`, and the layer `logits`, `(batch, classes)`, before any
        softmax. No labels are read.

    Returns:
        Scalar in [0, 2]; 0 when both batches hold the same rows.
        Under `tf.distribute` it is the mean over the replicas, each on its own batch.

    Raises:
        ValueError: If `multipliers` is empty or holds a number <= 0, a layer is missing or not of rank 2, or there is
            a single logit.

    Example:
        >>> JMMD().taps
        (None, 'logits')

    Reference:
        Long, Zhu, Wang, Jordan: Deep Transfer Learning with Joint Adaptation Networks, 2017,
        https://arxiv.org/abs/1605.06636
    """

    answers = ("classes",)

    def __init__(self, *, multipliers=(0.125, 0.25, 0.5, 1.0, 2.0), weight=1.0, tap=None, name=None):
        super().__init__(weight=weight, tap=tap, name=name)
        if not multipliers or min(multipliers) <= 0:
            raise ValueError(f"`multipliers` must hold numbers > 0. Received: multipliers={multipliers}")
        self.multipliers = tuple(multipliers)

    @property
    def taps(self):
        """Names of the layers that `call` reads."""
        return (self.tap, "logits")

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        ops.check_classes("logits", batch.get("target", "logits"))
        source, target = (
            (batch.get(view, self.tap), keras.ops.softmax(batch.get(view, "logits"), axis=-1)) for view in self.views
        )
        return ops.jmmd(source, target, (self.multipliers, PREDICTIONS))

    def get_config(self):
        """Returns the arguments of the method."""
        return {**super().get_config(), "multipliers": self.multipliers}
