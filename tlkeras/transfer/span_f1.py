"""F1 of the spans that tags of tokens mark."""

import keras
import numpy as np


@keras.saving.register_keras_serializable("tlkeras")
class SpanF1(keras.metrics.Metric):
    """F1 of spans, such as names in a text: one counts as found where its kind, its first and its last token are right.

    `2 c / (p + t)` with `c` right spans among `p` predicted and `t` true ones, over all rows. As in CoNLL's `conlleval`
    a span also begins at an `I-` tag that goes on with nothing. Tokens labelled -1 count neither way.

    Args:
        tags: Names of the classes in their order: `O`, and `B-KIND` and `I-KIND` for each kind.
        name: Name in the logs.
        **kwargs: Keras metric arguments.

    Raises:
        ValueError: If a tag has another form.

    Example:
        >>> metric = SpanF1(["O", "B-PER", "I-PER"])
        >>> metric.update_state([[1, 2, 0, 1]], np.eye(3)[[[1, 2, 0, 0]]])
        >>> round(float(metric.result()), 3)
        0.667

    Reference:
        Tjong Kim Sang, De Meulder: Introduction to the CoNLL-2003 Shared Task, 2003, https://aclanthology.org/W03-0419
    """

    def __init__(self, tags, name="span_f1", **kwargs):
        super().__init__(name=name, **kwargs)
        wrong = [tag for tag in tags if tag != "O" and (tag[:2] not in ("B-", "I-") or len(tag) < 3)]
        if wrong or "O" not in tags or len(set(tags)) < len(tags):
            raise ValueError(f"`tags` must be O, B-KIND and I-KIND, each once. Received: tags={list(tags)}")
        self.tags = list(tags)
        kinds = sorted({tag[2:] for tag in tags if tag != "O"})
        self._kinds = np.array([-1 if tag == "O" else kinds.index(tag[2:]) for tag in tags], "int32")
        self._begins = np.array([tag.startswith("B-") for tag in tags])
        self.counts = self.add_weight(name="counts", shape=(3,), initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Counts labels `(batch, length)` and logits `(batch, length, classes)`; weights are those of rows."""
        labels = keras.ops.convert_to_tensor(y_true)
        known, outside = labels >= 0, self.tags.index("O")
        predicted = keras.ops.where(known, keras.ops.cast(keras.ops.argmax(y_pred, axis=-1), labels.dtype), outside)
        found, ends, kinds = self._spans(predicted)
        wanted, true_ends, true_kinds = self._spans(keras.ops.where(known, labels, outside))
        right = found & wanted & (ends == true_ends) & (kinds == true_kinds)
        counts = [keras.ops.sum(keras.ops.cast(each, "float32"), axis=1) for each in (right, found, wanted)]
        counts = keras.ops.stack(counts, axis=1)
        if sample_weight is not None:
            counts = counts * keras.ops.cast(sample_weight, "float32")[:, None]
        self.counts.assign_add(keras.ops.sum(counts, axis=0))

    def _spans(self, tags):
        """Returns where spans begin, the place behind the span that is open at each token, and its kind."""
        kinds, begins = keras.ops.take(self._kinds, tags, axis=0), keras.ops.take(self._begins, tags, axis=0)
        before = keras.ops.pad(kinds, [[0, 0], [1, 0]], constant_values=-1)[:, :-1]
        goes_on = (kinds >= 0) & (kinds == before) & keras.ops.logical_not(begins)
        length = tags.shape[1]
        places = np.arange(length)
        stops = keras.ops.where(goes_on[:, None, :] | (places <= places[:, None]), length, places)
        return (kinds >= 0) & keras.ops.logical_not(goes_on), keras.ops.min(stops, axis=2), kinds

    def result(self):
        """Returns the F1; 1 where there are no spans, true or predicted."""
        right, found, wanted = self.counts[0], self.counts[1], self.counts[2]
        some = keras.ops.maximum(found + wanted, 1.0)
        return keras.ops.where(found + wanted > 0, 2 * right / some, 1.0)

    def get_config(self):
        """Returns the arguments of the metric."""
        return {**super().get_config(), "tags": self.tags}
