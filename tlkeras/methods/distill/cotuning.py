"""Co-Tuning: the pretrained classifier is fine-tuned along."""

import keras
import numpy as np

from tlkeras import ops
from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class CoTuning(Method):
    """Keeps the classifier of the source task at work on the features, with soft labels made from the target labels.

    `mean_i - sum_s R[y_i, s] log softmax(h(f_i))_s` with the tapped features `f`, the source classifier `h` and the
    relationship `R[y, s] = p(source class s | target class y)`.

    What is needed: a backbone whose source classifier is at hand, such as a Keras application with its top, and `R`
    from `tlkeras.ops.category_relationship` on the labelled target data. A hub feature vector has no source
    classifier and cannot be co-tuned. The source classifier belongs to the method: it trains along, is saved with it
    and never exported.

    Deviations from the paper: `category_relationship` is its direct estimate of `R`; the one it prefers (a calibrated
    logistic regression and the rule of Bayes) may be passed instead.

    Args:
        relationship: Array `(classes, source_classes)`, rows >= 0 that sum to 1.
        source_head: Keras layer (or model) from the tapped features to logits `(batch, source_classes)`, with its
            pretrained weights: for a Keras application, `layers[-1]` of the model made with
            `classifier_activation=None`.
        weight: Factor on the term, a number >= 0 or a schedule; 2.3 is the authors'.
        tap: Layer that the source classifier reads, `(batch, features)`; `features` by default.
        name: Name in the logs.

    Views:
        source: the tapped layer and integer labels `(batch,)`.

    Returns:
        Scalar >= 0; at least the mean entropy of the rows of `R`, which is reached when the source classifier predicts
        them.

    Raises:
        ValueError: If `relationship` is no such matrix, `source_head` is no layer, has an activation such as softmax,
            does not fit the features, or does not give as many logits as the matrix has columns.

    Example:
        >>> source_head = keras.layers.Dense(4, name="predictions")
        >>> CoTuning(np.full((2, 4), 0.25), source_head).name
        'cotuning'

    Reference:
        You, Kou, Long, Wang: Co-Tuning for Transfer Learning, 2020,
        https://papers.nips.cc/paper/2020/hash/c8067ad1937f728f51288b3eb986afaa-Abstract.html
    """

    answers = ("classes",)
    views = ("source",)
    default_taps = ("features",)

    def __init__(self, relationship, source_head, *, weight=2.3, tap=None, name=None):
        super().__init__(weight=weight, tap=tap, name=name)
        self.relationship = _checked(relationship)
        if not isinstance(source_head, keras.layers.Layer):
            raise ValueError(
                "`source_head` must be a Keras layer, the source classifier of the pretrained model; a feature vector "
                f"without one cannot be co-tuned. Received: source_head={source_head!r}"
            )
        activation = getattr(source_head, "activation", None)
        if activation not in (None, keras.activations.linear):
            raise ValueError(
                "`source_head` must give logits: load the pretrained model with `classifier_activation=None`. "
                f"Received: activation {keras.activations.serialize(activation)!r}"
            )
        self.source_head = source_head

    def build(self, batch_shape):
        """Builds the source classifier where it is not built."""
        shape = batch_shape.get("source", self.tap)
        if not self.source_head.built:
            self.source_head.build(shape)
        classes = self.source_head.compute_output_shape(shape)[-1]
        if classes != self.relationship.shape[1]:
            raise ValueError(
                f"`relationship` must have one column for each of the {classes} classes of `source_head`. "
                f"Received: shape {self.relationship.shape}"
            )

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        logits = keras.ops.cast(self.source_head(batch.get("source", self.tap)), "float32")
        labels = ops.class_indices(batch.get("source", "labels"))
        soft = keras.ops.take(keras.ops.convert_to_tensor(self.relationship), labels, axis=0)
        return -keras.ops.mean(keras.ops.sum(soft * keras.ops.log_softmax(logits, axis=-1), axis=-1))

    def get_config(self):
        """Returns the arguments of the method."""
        serialize = keras.saving.serialize_keras_object
        arguments = {"relationship": serialize(self.relationship), "source_head": serialize(self.source_head)}
        return {**super().get_config(), **arguments}


def _checked(relationship):
    matrix = np.asarray(relationship, dtype="float32")
    if matrix.ndim != 2 or matrix.size == 0 or matrix.min() < 0 or not np.allclose(matrix.sum(1), 1, atol=1e-3):
        raise ValueError(
            "`relationship` must be (classes, source_classes) with rows >= 0 that sum to 1 "
            f"(`tlkeras.ops.category_relationship`). Received: shape {matrix.shape}"
        )
    return matrix
