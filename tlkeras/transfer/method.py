"""The base class of every method."""

import keras

from tlkeras.surgery.answers import KINDS, answers_of, trained_as
from tlkeras.transfer import schedules

OF_FEATURES = "CORAL, MMD, SlicedWasserstein, DANN, WDGRL, DomainWeights, for values RSD and RegressionMDD as well"


class Method(keras.layers.Layer):
    """A layer from a batch of views to one scalar that `TransferModel` adds to the loss.

    A subclass implements `call(batch, training)` and returns an unweighted scalar. It reads the batch with
    `batch.get(view, key)`, never runs the trained model itself unless it declares `extra_forwards`, and always
    computes in float32, whatever the policy of the model: its inputs arrive cast.

    More verbs may be overridden: `weigh` (factors on the supervised loss), `update` (assign non-trainable variables
    after the terms of a training step), `bind` (make a frozen or averaged copy of the model, once) and, for a method
    that is several updates in turn and not one term, `phases`.

    Under `tf.distribute` a method sees the batch of its own replica, and the mean of the terms counts. A weight that it
    averages over the steps gets `aggregation="mean"` in `add_weight`; without it each replica keeps its own.

    Attributes:
        views: Names of the views that `call` reads. A batch without one of them is refused.
        default_taps: Layer names that `tap=None` looks for, in this order.
        answers: What the model may answer: `"classes"`, `"labels"` (several a row), `"values"` (regression). A method
            that reads features has all of them; one that reads the predictions says which it understands.
        extra_forwards: How often the method runs the trained model by itself in one step.

    Args:
        weight: Factor on the term: a number >= 0 or a Keras schedule of the training step.
        tap: Name of the layer that the method reads, or None for the first of `default_taps` that the model has.
        name: Name in the logs; the lower-case class name by default.

    Raises:
        ValueError: If `weight` is neither a number >= 0 nor a schedule.
    """

    views = ("source", "target")
    default_taps = ("bottleneck", "features")
    answers = ("classes", "labels", "values")
    extra_forwards = 0

    def __init__(self, *, weight=1.0, tap=None, name=None):
        super().__init__(name=name or type(self).__name__.lower(), dtype="float32")
        self.weight = schedules.check("weight", weight)
        self.tap = tap

    @property
    def taps(self):
        """Names of the layers that `call` reads."""
        return (self.tap,)

    def weigh(self, batch):
        """Returns factors `(batch,)` on the supervised loss of the source rows, or None for no change.

        Of a model with several named outputs a dict, `{output: scalar}`: factors on their losses, in all views.
        """
        return None

    def resolve_taps(self, model):
        """Settles `tap=None` on a layer of `model`, and checks that every tap is there.

        Raises:
            ValueError: If a tapped layer is absent.
        """
        names = ["input", "output", *(layer.name for layer in model.layers)]
        if self.tap is None:
            self.tap = next((tap for tap in self.default_taps if tap in names), None)
        for tap in self.taps:
            if tap not in names:
                wanted = f"`tap={tap!r}`" if tap else f"`tap=None` (one of {list(self.default_taps)})"
                raise ValueError(
                    f"Method `{self.name}` reads {wanted}, and the model has no layer of that name: pass "
                    f"`tap=` with one of its layers. Received: layers {names[2:]}"
                )
            if tap not in names[:2] and isinstance(model.get_layer(tap), keras.Model):
                raise ValueError(
                    f"Method `{self.name}` reads `{tap}`, a model inside the model, whose output cannot be tapped: "
                    "build the head on `backbone.output`, so that the graph is flat (`tlkeras.surgery.classifier`). "
                    f"Received: tap={tap!r}"
                )

    def check_answers(self, model, loss=None):
        """Refuses a model whose answers the method does not understand.

        Args:
            model: The inference model: its heads say by their names what they answer.
            loss: What it is trained with, which says the same of a head of another name. None for not known yet.

        Raises:
            ValueError: If it answers something else.
        """
        outputs = getattr(model, "outputs", None) or ()
        kind = answers_of(model) if loss is None else trained_as(loss, outputs[0].shape[-1] if len(outputs) == 1 else 1)
        if kind is not None and kind not in self.answers:
            understood = " or ".join(KINDS[answer] for answer in self.answers)
            learned = "a model" if loss is None else "a loss"
            raise ValueError(
                f"Method `{self.name}` reads predictions of {understood}, and {learned} of {KINDS[kind]} has none: use "
                f"a method of features ({OF_FEATURES}). "
                f"Received: {f'loss={loss!r}' if loss is not None else f'model {model.name} of {kind}'}"
            )

    def bind(self, model):
        """Called once with the inference model, before the method is built: the place for a copy of it."""
        return None

    def phases(self):
        """Returns the `Phase`s of a training step, which only a `PhasedModel` runs; none for a method of one term."""
        return ()

    def update(self, model):
        """Called in every training step after the terms, before the optimizer; may assign non-trainable variables."""
        return None

    def get_config(self):
        """Returns the arguments of the method."""
        return {"name": self.name, "weight": schedules.serialized(self.weight), "tap": self.tap}

    @classmethod
    def from_config(cls, config):
        """Builds the method from `get_config`, schedules included."""
        return cls(**{key: _restored(value) for key, value in config.items()})

    def get_build_config(self):
        """Returns None: `TransferModel` builds its methods from its own graph."""
        return None


def _restored(value):
    is_object = isinstance(value, dict) and "class_name" in value
    return keras.saving.deserialize_keras_object(value) if is_object else value
