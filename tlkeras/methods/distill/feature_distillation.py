"""Feature distillation by hints, as in FitNets."""

import keras

from tlkeras.backbones.graph import output_of
from tlkeras.surgery.copies import check_apart
from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class FeatureDistillation(Method):
    """Makes a layer of the model predict a layer of a teacher.

    `1/2 mean (r(s) - t)^2` over all entries, with the tapped layer `s`, the teacher's layer `t` and a linear regressor
    `r` on the last axis (a 1x1 convolution for maps), or the identity.

    The teacher sees the same inputs, runs in inference mode, is frozen (`teacher.trainable` becomes False), is saved
    with the method and never exported; nor is the regressor.

    Deviations from the paper: hints and labels train together instead of in two stages; the mean over the entries
    instead of their sum, so that the weight does not depend on the size of the layer; a linear regressor of width 1
    instead of a convolution that shrinks the map.

    Args:
        teacher: Built functional Keras model from the inputs of the trained model. It must share no variable with it.
        teacher_tap: Layer of the teacher to follow, or None for its output.
        projection: Whether a regressor is learned. Without one both layers must have one shape.
        weight: Factor on the term, a number >= 0 or a schedule.
        tap: Layer of the model that learns, `(batch, ..., channels)`; `features` by default.
        name: Name in the logs.

    Views:
        source: the input and the tapped layer. No labels are read.

    Returns:
        Scalar >= 0; 0 when the regressor gives the teacher's layer.

    Raises:
        ValueError: If `teacher` is not a built functional model, lacks the layer or shares variables with the trained
            model, or the two layers do not fit.

    Example:
        >>> inputs = keras.Input((4,))
        >>> teacher = keras.Model(inputs, keras.layers.Dense(16, name="features")(inputs))
        >>> FeatureDistillation(teacher, teacher_tap="features").name
        'featuredistillation'

    Reference:
        Romero, Ballas, Kahou, Chassang, Gatta, Bengio: FitNets: Hints for Thin Deep Nets, 2015,
        https://arxiv.org/abs/1412.6550
    """

    views = ("source",)
    default_taps = ("features",)

    def __init__(self, teacher, *, teacher_tap=None, projection=True, weight=1.0, tap=None, name=None):
        super().__init__(weight=weight, tap=tap, name=name)
        if not isinstance(getattr(teacher, "inputs", None), list):
            raise ValueError(f"`teacher` must be a built functional `keras.Model`. Received: teacher={teacher!r}")
        names = [layer.name for layer in teacher.layers]
        if teacher_tap is not None and teacher_tap not in names:
            raise ValueError(
                f"`teacher_tap` must be a layer of `teacher`, one of {names}. Received: teacher_tap={teacher_tap!r}"
            )
        self.teacher = teacher
        self.teacher_tap = teacher_tap
        self.projection = projection
        followed = teacher.output if teacher_tap is None else output_of(teacher, teacher_tap)
        # A bound method is not tracked: the layers are saved and listed once, under `teacher`.
        self._hint = keras.Model(teacher.input, followed).__call__
        self.regressor = keras.layers.Dense(followed.shape[-1], name="regressor", dtype="float32")

    def bind(self, model):
        """Freezes the teacher, which must be another model."""
        check_apart("teacher", self.teacher, model)
        self.teacher.trainable = False

    def build(self, batch_shape):
        """Builds the regressor for the tapped layer."""
        if self.projection:
            self.regressor.build(batch_shape.get("source", self.tap))

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        learned = batch.get("source", self.tap)
        hint = self._hint(batch.get("source", "input"), training=False)
        hint = keras.ops.stop_gradient(keras.ops.cast(hint, "float32"))
        guided = self.regressor(learned) if self.projection else learned
        if tuple(guided.shape[1:]) != tuple(hint.shape[1:]):
            remedy = "tap layers of equal height and width" if self.projection else "or set `projection=True`"
            raise ValueError(
                f"`tap` and `teacher_tap` must fit: {remedy}. "
                f"Received: {tuple(learned.shape[1:])} and {tuple(hint.shape[1:])}"
            )
        return 0.5 * keras.ops.mean(keras.ops.square(guided - hint))

    def get_config(self):
        """Returns the arguments of the method."""
        teacher = keras.saving.serialize_keras_object(self.teacher)
        arguments = {"teacher": teacher, "teacher_tap": self.teacher_tap, "projection": self.projection}
        return {**super().get_config(), **arguments}
