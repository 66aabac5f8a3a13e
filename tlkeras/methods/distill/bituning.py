"""Bi-Tuning: contrast of classes in the classifier and in a projection of the features."""

import keras

from tlkeras import ops
from tlkeras.backbones.graph import output_of
from tlkeras.layers.class_queue import ClassQueue
from tlkeras.surgery.copies import assign_values, frozen_copy
from tlkeras.transfer.method import Method

MOMENTUM = 0.999  # of the key encoder, as in the paper
PROJECTION = 128  # width of the projected features, as in the paper


@keras.saving.register_keras_serializable("tlkeras")
class BiTuning(Method):
    """Pulls each row to the class it belongs to, once against the classifier's weights, once against projected keys.

    The sum of two contrastive cross entropies: one for `s_ik = w_{y_i} . h_k` with `h = normalise([f, 1])` and the
    classifier's `w = normalise([kernel, bias])` of the row's class, one for `s_ik = z_i . z_k` with a learned
    projection `z = normalise(P f)`. Keys `k` are the row's own key and a queue of past keys for each class; those of
    the row's class are positive. Keys come from a key encoder, a moving average of the model (momentum 0.999).

    The key encoder, the projection and the queue belong to the method: they are saved with it and never exported.
    With plain `(x, y)` data each batch is its own key batch. The paper draws a second augmentation for the keys: yield
    `({"source": x, "source_key": x_again}, y)` and set `key_view="source_key"`; that view runs through the trained
    model too, as every view does.

    Deviations from the authors' code: the gradient reaches `w` too, as in the paper; slots of the queue count from
    when they are filled (the authors fill them with noise); the key encoder runs in inference mode, with averaged
    BatchNorm statistics, and is updated at the end of a step, before the optimizer.

    Args:
        queue_size: Past keys of each class.
        temperature: Number > 0 that sharpens the similarities.
        key_view: View that the keys are made of.
        weight: Factor on the term, a number >= 0 or a schedule.
        tap: Layer that the classifier reads, `(batch, features)`; `bottleneck` or `features` by default.
        name: Name in the logs.

    Views:
        source: the input, the tapped layer and integer labels `(batch,)`; `key_view`: the input, row by row the same
            objects. The layer `logits` must be a Dense layer on the tapped one.

    Returns:
        Scalar >= 0.
        Under `tf.distribute` it is the mean over the replicas, each on its own batch and with a queue of its own.

    Raises:
        ValueError: If `queue_size` is not a positive integer, `temperature` is not positive, the model has no Dense
            layer `logits` on the tapped layer, or the labels are not integers.

    Example:
        >>> BiTuning(queue_size=8).views
        ('source',)

    Reference:
        Zhong, Wang, Kou, Wang, Long: Bi-tuning of Pre-trained Representations, 2020, https://arxiv.org/abs/2011.06182
    """

    answers = ("classes",)
    views = ("source",)

    def __init__(self, *, queue_size=40, temperature=0.07, key_view="source", weight=1.0, tap=None, name=None):
        super().__init__(weight=weight, tap=tap, name=name)
        if not isinstance(queue_size, int) or queue_size < 1:
            raise ValueError(f"`queue_size` must be an integer >= 1. Received: queue_size={queue_size!r}")
        if temperature <= 0:
            raise ValueError(f"`temperature` must be > 0. Received: temperature={temperature}")
        self.queue_size = queue_size
        self.temperature = temperature
        self.key_view = key_view
        self.views = ("source",) if key_view == "source" else ("source", key_view)

    @property
    def taps(self):
        """Names of the layers that `call` reads, and of the classifier."""
        return (self.tap, "logits")

    def bind(self, model):
        """Copies the model up to the tapped layer as the key encoder."""
        encoder = keras.Model(model.input, output_of(model, self.tap))
        head, width = model.get_layer("logits"), encoder.output.shape[-1]
        if not isinstance(head, keras.layers.Dense) or len(encoder.output.shape) != 2 or head.kernel.shape[0] != width:
            raise ValueError(
                "The layer `logits` must be a Dense layer on the tapped one, (batch, features): pass `tap=`. "
                f"Received: tap={self.tap!r} of shape {tuple(encoder.output.shape)}, logits={head!r}"
            )
        self.key_encoder = frozen_copy(encoder, self.name)
        self.projector = keras.layers.Dense(PROJECTION, name="projector", dtype="float32")
        self.key_projector = keras.layers.Dense(PROJECTION, name="key_projector", dtype="float32", trainable=False)
        self.queue = ClassQueue(head.units, self.queue_size, name="queue", dtype="float32")
        # Functions hide the model's layers from Keras, which would count them as the method's own.
        self._head = lambda: head
        self._averaged = lambda: encoder.weights + self.projector.weights

    def build(self, batch_shape):
        """Builds the projections and the queue."""
        shape = batch_shape.get("source", self.tap)
        self.projector.build(shape)
        self.key_projector.build(shape)
        assign_values(self.key_projector.weights, self.projector.weights)
        self.queue.build((None, PROJECTION + shape[-1] + 1))

    def call(self, batch, training=None):
        """Returns the unweighted term, and in training puts the keys of the batch into the queue."""
        labels = ops.class_indices(batch.get("source", "labels"))
        features = self.key_encoder(batch.get(self.key_view, "input"), training=False)
        keys = keras.ops.stop_gradient(_embedded(keras.ops.cast(features, "float32"), self.key_projector))
        rows = _embedded(batch.get("source", self.tap), self.projector)
        likes = keras.ops.equal(labels[:, None], self.queue.owners()[None, :])
        own = keras.ops.ones_like(likes[:, :1])
        filled = keras.ops.broadcast_to(self.queue.filled()[None, :], keras.ops.shape(likes))
        positive = keras.ops.concatenate([own, likes], axis=1)
        valid = keras.ops.concatenate([own, filled], axis=1)
        term = sum(
            ops.contrast(similarities, positive, valid, self.temperature)
            for similarities in self._similarities(rows, keys, labels)
        )
        if training:
            self.queue.enqueue(keys, labels)
        return term

    def _similarities(self, rows, keys, labels):
        past = keras.ops.copy(keras.ops.transpose(self.queue.keys))  # torch overwrites the queue itself
        head = self._head()
        bias = keras.ops.zeros((1, head.units)) if head.bias is None else head.bias[None, :]
        classes = keras.ops.transpose(keras.ops.concatenate([head.kernel, bias], axis=0))
        own = keras.ops.take(keras.ops.normalize(classes, axis=1), labels, axis=0)
        for query, current, kept in (
            (rows[:, :PROJECTION], keys[:, :PROJECTION], past[:PROJECTION]),
            (own, rows[:, PROJECTION:], past[PROJECTION:]),
        ):
            nearest = keras.ops.sum(query * current, axis=1, keepdims=True)
            yield keras.ops.concatenate([nearest, keras.ops.matmul(query, kept)], axis=1)

    def update(self, model):
        """Moves the key encoder towards the model."""
        for key, query in zip(self.key_encoder.weights + self.key_projector.weights, self._averaged(), strict=True):
            if "float" in key.dtype:
                key.assign(MOMENTUM * key + (1.0 - MOMENTUM) * query)

    def get_config(self):
        """Returns the arguments of the method."""
        arguments = {"queue_size": self.queue_size, "temperature": self.temperature, "key_view": self.key_view}
        return {**super().get_config(), **arguments}


def _embedded(features, projector):
    ones = keras.ops.ones_like(features[:, :1])
    lifted = keras.ops.normalize(keras.ops.concatenate([features, ones], axis=1), axis=1)
    return keras.ops.concatenate([keras.ops.normalize(projector(features), axis=1), lifted], axis=1)
