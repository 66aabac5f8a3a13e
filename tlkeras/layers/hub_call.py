"""What of a loaded SavedModel is run: its `__call__`, or one of its signatures."""

import keras
import tensorflow as tf


def callable_of(loaded, signature: str | None, source: str):
    """Returns a `HubCall`, or with a name in `signature` a `HubSignature`.

    Both have `concrete_functions`, `takes` (a `tf.TensorSpec`, or a structure of them) and are called with
    `(inputs, training)`.

    Raises:
        ValueError: If there is no such thing in `loaded`, or it takes several tensors in a row.
    """
    if signature is not None:
        return HubSignature(loaded, signature, source)
    return HubCall(loaded, source)


class HubCall:
    """The `__call__(inputs, training=False)` of a reusable SavedModel, or its `__call__(inputs)`."""

    def __init__(self, loaded, source):
        function = loaded.__call__ if callable(loaded) else None
        self.concrete_functions = list(getattr(function, "concrete_functions", None) or ())
        names = sorted(getattr(loaded, "signatures", {}))
        if not self.concrete_functions:
            kind = " of the TF1 format" if hasattr(loaded, "graph") else ""
            raise ValueError(
                "`handle` must be a reusable SavedModel, with a traced `__call__(inputs, training=False)`. This one"
                f"{kind} has only the signatures {names}: name one, signature={(names or ['...'])[0]!r}, to run it for "
                f"inference. Received: {source}"
            )
        arguments = self.concrete_functions[0].structured_input_signature[0]
        tensors = [a for a in arguments if any(isinstance(s, tf.TypeSpec) for s in keras.tree.flatten(a))]
        if len(tensors) != 1 or tensors[0] is not arguments[0]:
            raise ValueError(
                "`handle` must be a reusable SavedModel, whose `__call__` takes its inputs as the first argument, "
                "several of them as one dict or list. Name a signature, "
                f"signature={(names or ['serving_default'])[0]!r}, or wrap it in a tf.Module that does. "
                f"Received: {source}, which takes {arguments}"
            )
        self.takes = arguments[0]
        self._function = loaded
        self._has_training = "training" in function.function_type.parameters

    def __call__(self, inputs, training: bool):
        """Returns the outputs, in training mode if `training` and there is such a mode."""
        return self._function(inputs, training=training) if self._has_training else self._function(inputs)


class HubRows:
    """A callable of one row without a batch axis, called row by row: what audio models take, one waveform."""

    def __init__(self, function, source):
        takes = function.takes
        if not isinstance(takes, tf.TensorSpec) or takes.shape.rank is None:
            raise ValueError(
                "`rows` needs a SavedModel that takes one tensor of known rank. "
                f"Received: rows=True for {source}, which takes {takes}"
            )
        self.concrete_functions, self._function = function.concrete_functions, function
        self.takes = tf.TensorSpec([None, *takes.shape], takes.dtype)

    def __call__(self, inputs, training: bool):
        """Returns the outputs of all rows, stacked; each row must give as many positions as the others."""
        given = self.concrete_functions[0].structured_outputs
        if isinstance(self._function, HubSignature) and len(given) == 1:
            given = next(iter(given.values()))
        kinds = keras.tree.map_structure(lambda tensor: tensor.dtype, given)
        return tf.map_fn(lambda row: self._function(row, training), inputs, fn_output_signature=kinds)


class HubSignature:
    """One signature of a SavedModel: inference only, a dict of outputs or the only one of them."""

    def __init__(self, loaded, signature, source):
        signatures = getattr(loaded, "signatures", {})
        if signature not in signatures:
            raise ValueError(
                f"`signature` must be one of the SavedModel's, {sorted(signatures)}. "
                f"Received: signature={signature!r} for {source}"
            )
        self._function = signatures[signature]
        self.concrete_functions = [self._function]
        named = dict(sorted(self._function.structured_input_signature[1].items()))
        self.takes = next(iter(named.values())) if len(named) == 1 else named
        self._name = next(iter(named)) if len(named) == 1 else None

    def __call__(self, inputs, training: bool):
        """Returns the outputs of inference, whatever `training` says."""
        outputs = self._function(**(inputs if self._name is None else {self._name: inputs}))
        return next(iter(outputs.values())) if len(outputs) == 1 else outputs


def fitted(inputs, takes, source: str):
    """Returns `inputs` as tensors, in the structure and the dtypes of `takes`.

    Raises:
        ValueError: If the structure is another one.
    """
    if isinstance(takes, dict) and isinstance(inputs, dict) and set(inputs) == set(takes):
        return {name: fitted(inputs[name], spec, source) for name, spec in takes.items()}
    if isinstance(takes, list | tuple) and isinstance(inputs, list | tuple) and len(inputs) == len(takes):
        return type(takes)(fitted(one, spec, source) for one, spec in zip(inputs, takes, strict=True))
    if isinstance(takes, dict | list | tuple) or isinstance(inputs, dict):
        got = sorted(inputs) if isinstance(inputs, dict) else type(inputs).__name__
        raise ValueError(f"`inputs` must be what the SavedModel takes, {takes}. Received: {got} for {source}")
    if isinstance(inputs, tf.RaggedTensor | tf.SparseTensor):
        return inputs
    value = tf.convert_to_tensor(inputs)
    return (
        value if value.dtype == takes.dtype or tf.string in (value.dtype, takes.dtype) else tf.cast(value, takes.dtype)
    )
