"""Joint distribution optimal transport, DeepJDOT."""

import keras

from tlkeras import ops
from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class DeepJDOT(Method):
    """Joins each target row to source rows alike in features and label, then pulls it to their features and label.

    `sum_ij P_ij (||s_i - t_j||^2 - f log p(y_i | t_j))` with `P` the transport plan of least cost between the two
    batches, which carries no gradient.

    Deviations from the paper: an entropic plan (Sinkhorn, 50 iterations) instead of an exact one; the plan is made with
    the cross entropy, where the authors' code takes the squared distance of probabilities; source batches are not
    balanced over the classes.

    Args:
        label_factor: Number >= 0, `f`. The defaults are those of the authors' script for SVHN to MNIST: alpha = 1e-3 on
            the features is `weight` here, lambda = 1e-4 on the labels is `weight * label_factor`. Other data and
            narrower layers need more: their class itself starts from 1e-2 and 1.
        epsilon: Number > 0, the entropy of the plan as a multiple of the standard deviation of the costs.
        weight: Factor on the term, a number >= 0 or a schedule.
        tap: Layer to align, `(batch, features)`; `bottleneck` or `features` by default.
        name: Name in the logs.

    Views:
        source: the tapped layer and integer labels `(batch,)`; target: the tapped layer and the layer `logits`,
        `(batch, classes)`, before any softmax. Target labels are not read.

    Returns:
        Scalar >= 0; 0 when each target row has the features and, without doubt, the label of its source row.
        Under `tf.distribute` it is the mean over the replicas, each on its own batch.

    Raises:
        ValueError: If `label_factor` is negative or `epsilon` not positive, a layer is missing or not of rank 2, there
            is a single logit, or the labels are not integers.

    Example:
        >>> DeepJDOT(weight=0.01, label_factor=1.0).taps
        (None, 'logits')

    Reference:
        Damodaran, Kellenberger, Flamary, Tuia, Courty: DeepJDOT: Deep Joint Distribution Optimal Transport for
        Unsupervised Domain Adaptation, 2018, https://arxiv.org/abs/1803.10081
    """

    answers = ("classes",)

    def __init__(self, *, label_factor=0.1, epsilon=0.1, weight=0.001, tap=None, name=None):
        super().__init__(weight=weight, tap=tap, name=name)
        if label_factor < 0 or epsilon <= 0:
            raise ValueError(
                "`label_factor` must be >= 0 and `epsilon` > 0. "
                f"Received: label_factor={label_factor}, epsilon={epsilon}"
            )
        self.label_factor = label_factor
        self.epsilon = epsilon

    @property
    def taps(self):
        """Names of the layers that `call` reads."""
        return (self.tap, "logits")

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        cost = ops.joint_cost(
            batch.get("source", self.tap),
            batch.get("target", self.tap),
            batch.get("source", "labels"),
            batch.get("target", "logits"),
            self.label_factor,
        )
        return keras.ops.sum(ops.sinkhorn_plan(cost, self.epsilon) * cost)

    def get_config(self):
        """Returns the arguments of the method."""
        return {**super().get_config(), "label_factor": self.label_factor, "epsilon": self.epsilon}
