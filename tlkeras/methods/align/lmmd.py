"""Local maximum mean discrepancy, as in DSAN."""

import keras

from tlkeras import ops
from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class LMMD(Method):
    """Pulls, class by class, the mean embeddings of source and target features together.

    `1/C sum_c ||sum_i w_ic k(s_i) - sum_j v_jc k(t_j)||^2` over the `C` classes that both batches hold: `w` the source
    labels, `v` the target's predicted probabilities, each divided by its sum over the batch, without gradient, and `k`
    the embedding of a mixture of Gaussian kernels `mean_m exp(-d / (2 m s))`, `s` the mean squared distance.

    Deviations from the paper: the mean is over the classes that have a source row and are the likeliest of a target
    row, as in the authors' code; one layer. The paper raises the weight from 0 while the predictions are poor:
    `weight=DANNRamp(steps)`.

    Args:
        multipliers: Kernel widths as multiples of the mean squared distance.
        weight: Factor on the term, a number >= 0 or a schedule.
        tap: Layer to align, `(batch, features)`; `bottleneck` or `features` by default.
        name: Name in the logs.

    Views:
        source: the tapped layer and integer labels `(batch,)`; target: the tapped layer and the layer `logits`,
        `(batch, classes)`, before any softmax. Target labels are not read.

    Returns:
        Scalar in [0, 2]; 0 when the classes have the same rows, and when the batches share no class.
        Under `tf.distribute` it is the mean over the replicas, each on its own batch.

    Raises:
        ValueError: If `multipliers` is empty or holds a number <= 0, a layer is missing or not of rank 2, there is a
            single logit, or the labels are not integers.

    Example:
        >>> LMMD(weight=DANNRamp(steps=2000, high=0.5)).name
        'lmmd'

    Reference:
        Zhu, Zhuang, Wang, Ke, Chen, Bian, Xiong, He: Deep Subdomain Adaptation Network for Image Classification, 2020,
        https://arxiv.org/abs/2106.09388
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
        predictions = keras.ops.stop_gradient(keras.ops.softmax(batch.get("target", "logits"), axis=-1))
        labels = ops.class_indices(batch.get("source", "labels"))
        members = keras.ops.one_hot(labels, predictions.shape[-1])
        source, target = batch.get("source", self.tap), batch.get("target", self.tap)
        return ops.lmmd(source, target, members, predictions, self.multipliers)

    def get_config(self):
        """Returns the arguments of the method."""
        return {**super().get_config(), "multipliers": self.multipliers}
