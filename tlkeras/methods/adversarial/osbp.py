"""Open-set adaptation by backpropagation."""

import keras

from tlkeras import ops
from tlkeras.backbones.graph import output_of
from tlkeras.transfer import schedules
from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class OSBP(Method):
    """Learns a class `unknown` from a target that has more classes than the source: the last logit, without examples.

    `mean -t log p - (1 - t) log(1 - p)` over the target with `p = softmax(logits)_unknown` and the gradient reversed in
    front of the classifier. The classifier tries to be as unsure of `unknown` as the threshold `t` says; the encoder
    works against it, and moves each target row either to a known class or to `unknown`.

    Make the model with one logit more than the source has classes: a row is unknown where the last one is the largest.
    The term computes the logits once more from the tapped features, of which the layer `logits` must be a plain linear
    function; dropout between the two is left out.

    Deviation from the paper: the strength of the reversal rises with the step, as in `DANN`.

    Args:
        threshold: Number in (0, 1), the paper's t.
        strength: Factor on the gradient that reaches the encoder, a number >= 0 or a schedule; `DANN`'s by default.
        **kwargs: `weight` (factor on the whole term), `tap` (layer that the classifier reads, `bottleneck` or
            `features` by default) and `name`.

    Views:
        source: integer labels `(batch,)`, all of known classes, `0..classes - 2`. A row labelled as unknown makes the
            term NaN, since no compiled backend raises; `tlkeras.data.pair(..., num_classes=known)` refuses it with an
            error. target: the tapped layer, `(batch, features)`.

    Returns:
        Scalar >= the entropy of the threshold, log 2 = 0.693 for one half.

    Raises:
        ValueError: If `threshold` is outside (0, 1), `strength` is neither a number >= 0 nor a schedule, the model has
            no Dense layer `logits` of at least 2 units on the tapped one, or the labels are not integers.

    Example:
        >>> OSBP(strength=DANNRamp(steps=2000)).taps
        (None, 'logits')

    Reference:
        Saito, Yamamoto, Ushiku, Harada: Open Set Domain Adaptation by Backpropagation, 2018,
        https://arxiv.org/abs/1804.10427
    """

    answers = ("classes",)

    def __init__(self, *, threshold=0.5, strength=None, **kwargs):
        super().__init__(**kwargs)
        if not 0 < threshold < 1:
            raise ValueError(f"`threshold` must be in (0, 1). Received: threshold={threshold}")
        default = schedules.DANNRamp(steps=10_000)
        self.threshold = threshold
        self.strength = schedules.check("strength", default if strength is None else strength)

    @property
    def taps(self):
        """Names of the layers that `call` reads, and of the classifier."""
        return (self.tap, "logits")

    def bind(self, model):
        """Finds the classifier."""
        head, tapped = model.get_layer("logits"), tuple(output_of(model, self.tap).shape)
        linear = isinstance(head, keras.layers.Dense) and head.activation is keras.activations.linear
        if not linear or len(tapped) != 2 or head.kernel.shape[0] != tapped[1] or head.units < 2:
            raise ValueError(
                "The layer `logits` must be a Dense layer of at least 2 units, without activation, on the tapped one, "
                f"(batch, features): pass `tap=`. Received: tap={self.tap!r} of shape {tapped}, logits={head!r}"
            )
        self._head = lambda: head  # a function hides the layer from Keras, which would count it as the method's own

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        head, strength = self._head(), schedules.value_at(self.strength, batch.step)
        logits = keras.ops.matmul(ops.reverse_gradient(batch.get("target", self.tap), strength), head.kernel)
        logits = logits if head.bias is None else logits + head.bias
        term = ops.unknown_cross_entropy(logits, self.threshold)
        known = keras.ops.all(ops.class_indices(batch.get("source", "labels")) < head.units - 1)
        return keras.ops.where(known, term, keras.ops.full_like(term, float("nan")))

    def get_config(self):
        """Returns the arguments of the method."""
        return {**super().get_config(), "threshold": self.threshold, "strength": schedules.serialized(self.strength)}
