"""Knowledge distillation on logits."""

import keras

from tlkeras import ops
from tlkeras.surgery.copies import check_apart
from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class LogitDistillation(Method):
    """Makes the softened predictions of the model follow those of a teacher.

    `T^2 mean KL(softmax(t / T) || softmax(s / T))` with the logits `t` of the teacher and `s` of the trained model.

    The teacher sees the same inputs, runs in inference mode, is frozen (`teacher.trainable` becomes False), is saved
    with the method and never exported. Deviation from the paper: the divergence instead of the cross entropy, which
    differ by a constant, so that 0 means agreement.

    Args:
        teacher: Built Keras model from the inputs of the trained model to logits `(batch, classes)`. It must share no
            variable with the trained model (`keras.models.clone_model`, then `set_weights`).
        temperature: Number > 0; above 1 it shows what the teacher thinks of the other classes. The paper found 1 to 20
            useful, 2 best on speech.
        view: View that both see. Unlabelled images of the target are enough: `"target"`. It may be augmented in place
            (`tlkeras.data.views`): both then see the same augmentation.
        weight: Factor on the term, a number >= 0 or a schedule. The paper gives it twice the weight of the labels or
            more.
        tap: Layer that holds the logits; `logits` by default.
        name: Name in the logs.

    Views:
        source, or `view`: the input and the tapped layer, `(batch, classes)`, before any softmax. No labels are read.

    Returns:
        Scalar >= 0; 0 when teacher and model agree.

    Raises:
        ValueError: If `teacher` is not a built model or shares variables with the trained one, its output has another
            shape than the tapped layer, or `temperature` is not positive.

    Example:
        >>> inputs = keras.Input((4,))
        >>> teacher = keras.Model(inputs, keras.layers.Dense(3)(inputs))
        >>> LogitDistillation(teacher, temperature=4.0).name
        'logitdistillation'

    Reference:
        Hinton, Vinyals, Dean: Distilling the Knowledge in a Neural Network, 2015, https://arxiv.org/abs/1503.02531
    """

    answers = ("classes",)
    views = ("source",)
    default_taps = ("logits",)

    def __init__(self, teacher, *, temperature=2.0, view="source", weight=1.0, tap=None, name=None):
        super().__init__(weight=weight, tap=tap, name=name)
        if not isinstance(teacher, keras.Model) or not teacher.built:
            raise ValueError(f"`teacher` must be a built `keras.Model`. Received: teacher={teacher!r}")
        if temperature <= 0:
            raise ValueError(f"`temperature` must be > 0. Received: temperature={temperature}")
        self.teacher = teacher
        self.temperature = temperature
        self.view = view
        self.views = (view,)

    def bind(self, model):
        """Freezes the teacher, which must be another model."""
        check_apart("teacher", self.teacher, model)
        self.teacher.trainable = False

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        student = batch.get(self.view, self.tap)
        taught = self.teacher(batch.get(self.view, "input"), training=False)
        if tuple(taught.shape[1:]) != tuple(student.shape[1:]):
            raise ValueError(
                f"`teacher` must give rows of logits of the shape of `{self.tap}`, {tuple(student.shape[1:])}. "
                f"Received: {tuple(taught.shape[1:])}"
            )
        taught = keras.ops.stop_gradient(keras.ops.cast(taught, "float32"))
        return ops.distillation(student, taught, self.temperature)

    def get_config(self):
        """Returns the arguments of the method."""
        teacher = keras.saving.serialize_keras_object(self.teacher)
        return {**super().get_config(), "teacher": teacher, "temperature": self.temperature, "view": self.view}
