"""What a model says of target rows and of held-out source rows: all that a validator may look at."""

import dataclasses

import keras
import numpy as np

from tlkeras.backbones.graph import output_of
from tlkeras.data.rows import as_rows, fed, row_count
from tlkeras.surgery import answers_of
from tlkeras.transfer.method import Method
from tlkeras.validators.positions import rows_of_positions

MIXED_SHARE = 0.55


@dataclasses.dataclass(frozen=True)
class Evidence:
    """Arrays of one model; what was not gathered is None.

    A model that answers for each token or pixel has a row for each of them; see `rows_of_positions`.

    Attributes:
        target_logits: `(rows, classes)`.
        target_features: `(rows, features)`.
        mixed_logits: `(rows, classes)` of mixed target inputs: row `i` is `0.55 x_i + 0.45 x_(i+1)`, the last row
            is mixed with the first.
        source_logits: `(source rows, classes)`.
        source_features: `(source rows, features)`.
        source_labels: Integers `(source rows,)` in `0..classes - 1`; or numbers or labels, one for each output.
        answers: What the model answers: `"classes"`, `"labels"` or `"values"`, which are then what is called logits.
    """

    target_logits: np.ndarray
    target_features: np.ndarray | None = None
    mixed_logits: np.ndarray | None = None
    source_logits: np.ndarray | None = None
    source_features: np.ndarray | None = None
    source_labels: np.ndarray | None = None
    answers: str = "classes"


class Probe:
    """Runs a model, as it is now, over the same rows again and again.

    Where the logits are maps `(rows, height, width, classes)`, or `(rows, tokens, classes)`, a row of the evidence is
    one position that is no padding, of at most 5000 that are drawn once. Features of such a position are those of the
    cell of `tap` in which it lies.

    Args:
        model: Functional inference `keras.Model`. Its output is logits of classes, unless a head of
            `tlkeras.surgery` says that it is labels or values.
        target: Target inputs `(rows, ...)`, an array or a dict of arrays by input, in an order that has nothing to do
            with the classes: neighbours are mixed.
        source: Inputs and integer labels, of maps one for each position, of source rows that the model was not trained
            on, or None.
        tap: Name of the layer whose output, flattened, is the features; by default `bottleneck`, else `features`. A
            model without them has no features, nor has one whose logits are of tokens or pixels while the layer has
            one vector an input: name the layer with a vector for each of them.
        mix: Whether mixed target rows run too; the inputs must be numbers.
        batch_size: Rows of a batch.

    Raises:
        ValueError: If the model has several outputs, `tap` is not a layer of the model, or there are no rows, or inputs
            that are not numbers, or are numbers of words, are to be mixed.

    Example:
        >>> inputs = keras.Input((4,))
        >>> features = keras.layers.Dense(2, name="features")(inputs)
        >>> model = keras.Model(inputs, keras.layers.Dense(3, name="logits")(features))
        >>> Probe(model, np.zeros((8, 4), "float32")).evidence().target_features.shape
        (8, 2)
    """

    def __init__(self, model, target, source=None, *, tap=None, mix=False, batch_size=256):
        if isinstance(model.output, dict):
            raise ValueError(
                "A model is judged by one output at a time: pass `keras.Model(model.input, model.output[name])`. "
                f"Received: {model.name} with outputs {sorted(model.output)}"
            )
        names = [layer.name for layer in model.layers]
        if tap is not None and tap not in names:
            raise ValueError(f"`tap` must be a layer of the model. Received: tap={tap!r}, layers {names}")
        tap = tap or next((name for name in Method.default_taps if name in names), None)
        outputs = {"logits": model.output} | ({"features": output_of(model, tap)} if tap else {})
        self._answers = answers_of(model) or "classes"
        self._run = keras.Model(model.input, outputs)
        self.source = source
        self.target = as_rows(target)
        self.mix = mix
        self.batch_size = batch_size
        if not row_count(self.target) or (source is not None and not len(source[1])):
            raise ValueError("`target` and `source` must hold at least one row. Received: one without rows")
        dtype = getattr(self.target, "dtype", None)
        if mix and (dtype is None or not np.issubdtype(dtype, np.number)):
            raise ValueError(f"`mix=True` needs inputs that are numbers, one array. Received: dtype={dtype}")
        kinds = {tensor.dtype for tensor in keras.tree.flatten(model.input)}
        if mix and any("int" in kind for kind in kinds):
            raise ValueError(
                "`mix=True` needs inputs between which there is something; between the numbers of two words there is "
                f"nothing. Received: a model that takes {sorted(kinds)}"
            )

    def evidence(self) -> Evidence:
        """Returns what the model says now."""
        target_logits, target_features, _ = self._predict(self.target)
        mixed_logits = self._predict(mixed(self.target))[0] if self.mix else None
        if self.source is None:
            return Evidence(target_logits, target_features, mixed_logits, answers=self._answers)
        source_logits, source_features, labels = self._predict(self.source[0], np.asarray(self.source[1]))
        of_source = {"source_logits": source_logits, "source_features": source_features, "source_labels": labels}
        return Evidence(target_logits, target_features, mixed_logits, **of_source, answers=self._answers)

    def _predict(self, inputs, labels=None):
        outputs = self._run.predict(fed(inputs), batch_size=self.batch_size, verbose=0)
        return rows_of_positions(outputs["logits"], outputs.get("features"), labels)


def mixed(inputs):
    """Returns every row mixed with the next, `0.55 x_i + 0.45 x_(i+1)`, float32; the last one with the first."""
    inputs = np.asarray(inputs, dtype="float32")
    return MIXED_SHARE * inputs + (1 - MIXED_SHARE) * np.roll(inputs, -1, axis=0)
