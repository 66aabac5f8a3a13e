"""Maximum classifier discrepancy."""

import keras

from tlkeras import ops
from tlkeras.backbones.graph import output_of
from tlkeras.transfer.method import Method
from tlkeras.transfer.phase import Phase


@keras.saving.register_keras_serializable("tlkeras")
class MCD(Method):
    """Lets two heads disagree on the target as far as the source allows, and the encoder bring them together again.

    With `d = mean |p_1 - p_2|` on the target and the cross entropies `e_1`, `e_2` of the heads on the source, each
    step minimises in turn, on one batch: `e_1 + e_2` by everything; `e_1 + e_2 - d` by the heads; `d` by the encoder,
    `repeats` times. The encoder is the model up to the tapped layer, the first head the rest; the second head, a copy
    of the layers between tap and `logits` with other initial weights, belongs to the method and is not exported.

    Runs in a `PhasedModel`, so on TensorFlow only. In the first phase `e_1` is the compiled loss; else entropies are
    those of the logits, over all rows alike, and count `weight` times, as `d` does.

    Deviations from the paper: the inference model is the encoder with the first head, where its tables have the better
    head or the mean of both. The authors' code takes each domain by itself (`forward="per_view"`).

    Args:
        repeats: How often the encoder is updated in the third phase, an integer >= 1; the paper uses 2 to 4.
        weight: Factor on all that the method adds, a number >= 0 or a schedule; 1 in the paper.
        tap: Layer between encoder and heads; `bottleneck` or `features` by default.
        name: Name in the logs.

    Views:
        source, target: the tapped layer and the layer `logits`, `(batch, classes)`; source: integer labels `(batch,)`.

    Returns:
        Scalar in [0, 2 / classes], `d`; 0 when the heads agree.

    Raises:
        ValueError: If `repeats` is not an integer >= 1, the tap is not below `logits`, the second head starts equal to
            the first, there are fewer than 2 classes, or the labels are no class indices.

    Example:
        >>> [phase.moves for phase in MCD(repeats=2).phases()]
        [('encoder', 'head', 'method'), ('head', 'method'), ('encoder',)]

    Reference:
        Saito, Watanabe, Ushiku, Harada: Maximum Classifier Discrepancy for Unsupervised Domain Adaptation, 2018,
        https://arxiv.org/abs/1712.02560
    """

    answers = ("classes",)

    def __init__(self, *, repeats=4, weight=1.0, tap=None, name=None):
        super().__init__(weight=weight, tap=tap, name=name)
        self.repeats = repeats
        self.phases()  # checks `repeats`

    @property
    def taps(self):
        """Names of the layers that `call` reads."""
        return (self.tap, "logits")

    def phases(self):
        """Returns the three phases of a step."""
        return (
            Phase(self._fit_second, moves=("encoder", "head", "method"), supervised=True),
            Phase(self._disagree, moves=("head", "method")),
            Phase(self.call, moves=("encoder",), repeats=self.repeats),
        )

    def bind(self, model):
        """Makes the second head."""
        try:
            head = keras.Model(output_of(model, self.tap), output_of(model, "logits"))
        except ValueError as error:
            raise ValueError(f"`tap` must lie below `logits`. Received: tap={self.tap!r}, {error}") from error
        with keras.name_scope(self.name):
            self.second_head = keras.models.clone_model(head)
        pairs = [(a, b) for a, b in zip(head.weights, self.second_head.weights, strict=True) if len(a.shape) > 1]
        equal = [a.path for a, b in pairs if bool(keras.ops.all(keras.ops.equal(a, b)))]
        if not pairs or equal:
            rule = "The second head must start with other weights: leave the seed of its initializers open."
            raise ValueError(f"{rule} Received: tap={self.tap!r}, {len(pairs)} kernels, equal {equal}")

    def build(self, batch_shape):
        """Checks the logits."""
        ops.check_classes("logits", keras.KerasTensor(batch_shape.get("target", "logits")))

    def call(self, batch, training=None):
        """Returns the discrepancy on the target."""
        return self._discrepancy(batch, self._second_logits(batch, training)[1])

    def _fit_second(self, batch, training):
        return _cross_entropy(batch, self._second_logits(batch, training)[0])

    def _disagree(self, batch, training):
        source, target = self._second_logits(batch, training)
        entropies = _cross_entropy(batch, batch.get("source", "logits")) + _cross_entropy(batch, source)
        return entropies - self._discrepancy(batch, target)

    def _second_logits(self, batch, training):
        features = [batch.get(view, self.tap) for view in ("source", "target")]
        logits = self.second_head(keras.ops.concatenate(features, axis=0), training=training)
        logits = keras.ops.cast(logits, "float32")  # a copied layer keeps its own precision
        rows = keras.ops.shape(features[0])[0]
        return logits[:rows], logits[rows:]

    def _discrepancy(self, batch, second):
        first = keras.ops.softmax(batch.get("target", "logits"))
        return ops.classifier_discrepancy(first, keras.ops.softmax(second))

    def get_config(self):
        """Returns the arguments of the method."""
        return {**super().get_config(), "repeats": self.repeats}


def _cross_entropy(batch, logits):
    labels = ops.class_indices(batch.get("source", "labels"))
    return keras.ops.mean(keras.ops.sparse_categorical_crossentropy(labels, logits, from_logits=True))
