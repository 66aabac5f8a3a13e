"""Self-ensembling with a mean teacher."""

import keras

from tlkeras import ops
from tlkeras.backbones.graph import output_of
from tlkeras.surgery.copies import frozen_copy
from tlkeras.transfer.method import Method

MOMENTUM = 0.99  # of the teacher, as in the paper


@keras.saving.register_keras_serializable("tlkeras")
class MeanTeacher(Method):
    """Pulls the predictions on the target to those of a teacher, the moving average of the model itself.

    `mean_i c_i mean_k (p_ik - t_ik)^2 + balance mean(c) sum_k KL(1 / classes || mean p_k)` with `c_i = [max t_i >=
    threshold]`, `p` the prediction of the model on the strong view and `t` that of the teacher on `target`.

    The teacher is saved with the method and never exported. The paper evaluates it: `method.teacher` is a Keras model
    from inputs to logits. It runs in inference mode: no dropout, and BatchNorm with averages of the model's moving
    statistics, where the authors' teacher uses those of its batch. It is updated at the end of a step, before the
    optimizer.

    The logs hold `meanteacher_confident`, the share of rows that teach, and `meanteacher_largest_class`, the share of
    rows in the class that the teacher predicts most; it goes to 1 where the predictions collapse.

    Further deviations: the balance is a divergence, 0 for equally frequent classes, instead of the cross entropy, which
    differs by a constant; the source is not augmented here (`tlkeras.data.views` does it).

    Args:
        threshold: Number in [0, 1], the least certainty of the teacher; the paper uses 0.968.
        balance: Number >= 0, the weight of equally frequent classes; the paper uses 0.005, 0.01 on VisDA, and 0 where
            the classes are not.
        strong_view: View that learns, row by row the same objects as `target`: another augmentation of them. With
            `"target"` there is little to learn, unless the model has dropout.
        weight: Factor on the term, a number >= 0 or a schedule; the paper uses 3, and 10 on VisDA.
        tap: Layer that holds the logits, `(batch, classes)`; `logits` by default.
        name: Name in the logs.

    Views:
        target: the input; `strong_view`: the tapped layer, `(batch, classes)`, before any softmax. No labels are read.

    Returns:
        Scalar >= 0; 0 when the teacher is nowhere certain, or agrees and the classes are equally frequent.
        Under `tf.distribute` it is the mean over the replicas, each on its own batch.

    Raises:
        ValueError: If an argument is out of range, the tapped layer is not of rank 2 or has fewer than 2 columns, or
            the model has no layer `logits` and `tap` names none.

    Example:
        >>> MeanTeacher(weight=10.0).views
        ('target', 'target_strong')

    Reference:
        French, Mackiewicz, Fisher: Self-ensembling for visual domain adaptation, 2018, https://arxiv.org/abs/1706.05208
    """

    answers = ("classes",)

    default_taps = ("logits",)

    def __init__(self, *, threshold=0.968, balance=0.005, strong_view="target_strong", weight=3.0, tap=None, name=None):
        super().__init__(weight=weight, tap=tap, name=name)
        if not 0 <= threshold <= 1:
            raise ValueError(f"`threshold` must be in [0, 1]. Received: threshold={threshold}")
        if balance < 0:
            raise ValueError(f"`balance` must be >= 0. Received: balance={balance}")
        self.threshold = threshold
        self.balance = balance
        self.strong_view = strong_view
        self.views = ("target",) if strong_view == "target" else ("target", strong_view)
        self.confident = keras.metrics.Mean(name=f"{self.name}_confident")
        self.largest_class = keras.metrics.Mean(name=f"{self.name}_largest_class")

    def bind(self, model):
        """Copies the model up to its logits as the teacher."""
        student = keras.Model(model.input, output_of(model, self.tap))
        ops.check_classes("logits", student.output)
        self.teacher = frozen_copy(student, self.name)
        self._averaged = lambda: student.weights  # a function: Keras would count the layers as the method's own

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        logits = self.teacher(batch.get("target", "input"), training=False)
        targets = keras.ops.softmax(keras.ops.stop_gradient(keras.ops.cast(logits, "float32")), axis=-1)
        probabilities = keras.ops.softmax(batch.get(self.strong_view, self.tap), axis=-1)
        chosen = keras.ops.sum(ops.pseudo_labels(targets, self.threshold), axis=-1)
        self.confident.update_state(chosen)
        self.largest_class.update_state(ops.largest_class_share(targets))
        balance = self.balance * keras.ops.mean(chosen) * ops.class_imbalance(probabilities)
        return ops.squared_difference(probabilities, targets, chosen) + balance

    def update(self, model):
        """Moves the teacher towards the model."""
        for kept, current in zip(self.teacher.weights, self._averaged(), strict=True):
            if "float" in kept.dtype:
                kept.assign(MOMENTUM * kept + (1.0 - MOMENTUM) * current)

    def get_config(self):
        """Returns the arguments of the method."""
        arguments = {"threshold": self.threshold, "balance": self.balance, "strong_view": self.strong_view}
        return {**super().get_config(), **arguments}
