"""A reusable TF2 SavedModel (TF-Hub, Kaggle) as a Keras 3 layer."""

import contextlib
import contextvars
import os

import keras

from tlkeras.layers.hub_handle import resolve_handle

# TensorFlow is imported only where it is the backend, so that the rest of the package runs without it.
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    from tlkeras.layers import hub_variables
    from tlkeras.layers.hub_program import HubProgram

_PERMITTED = contextvars.ContextVar("tlkeras_allow_host_ops", default=False)


@keras.saving.register_keras_serializable("tlkeras")
class HubLayer(keras.layers.Layer):
    """Runs a reusable SavedModel; its variables become variables of the Keras model.

    The layer takes what the SavedModel takes and scales nothing: image feature vectors of TF-Hub want [0, 1].
    A `.keras` file carries graph, assets and values, so it loads where the original is gone. Before anything is
    loaded, here and from a file, the graph is read, and operations that touch the host are refused.

    Args:
        handle: Directory, `.tar.gz` file or `http(s)://` address of a SavedModel.
        trainable: Whether training moves the SavedModel's trainable variables and its BatchNorm averages. When not,
            the SavedModel always runs in inference mode.
        allow_host_ops: Load the SavedModel although it touches the host. Never saved; see `tlkeras.load`.
        program: Graph, assets and fingerprint as `get_config` wrote them; `handle` is then not opened, and the values
            come with `load_weights` or `load_model`. Until then reading a variable raises.
        **kwargs: Keras layer arguments.

    Raises:
        ValueError: If the SavedModel is absent, broken, of the TF1 format, not callable, or touches the host; if
            `trainable` and it has no trainable variables.
        RuntimeError: If the backend of Keras is not TensorFlow.

    Example:
        >>> layer = HubLayer("saved_models/glyphs", trainable=True)
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), layer, keras.layers.Dense(10)])

    Reference:
        Reusable SavedModels, https://www.tensorflow.org/hub/reusable_saved_models
    """

    def __init__(self, handle, trainable=False, allow_host_ops=False, program=None, **kwargs):
        if keras.backend.backend() != "tensorflow":
            raise RuntimeError(
                "HubLayer runs a TensorFlow SavedModel; set KERAS_BACKEND=tensorflow before Keras is imported. "
                f"Received: backend {keras.backend.backend()!r}"
            )
        super().__init__(trainable=trainable, autocast=False, **kwargs)
        self.handle = os.fspath(handle)
        allowed = allow_host_ops or _PERMITTED.get()
        if program is None:
            directory = resolve_handle(handle)
            self._program = HubProgram.from_directory(directory, allowed)
        else:
            self._program = HubProgram.from_config(program, self.handle, allowed)
        self._loaded = self._program.rebuild()
        self._function = _callable_of(self._loaded, self.handle)
        variables = hub_variables.variables_of(self._loaded)
        if program is None and variables:
            hub_variables.restore_variables(self._loaded, directory)
        self._complete = hub_variables.has_values(variables)
        self._fingerprint = program["fingerprint"] if program else self._program.fingerprint(variables)
        trained = list(getattr(self._loaded, "trainable_variables", ()))
        if self.trainable and not trained:
            raise ValueError(
                "`trainable` must be False for a SavedModel without `trainable_variables`. "
                f"Received: trainable=True for {self.handle}"
            )
        self._hub_variables = hub_variables.wrap_variables(variables, trained)
        self._add_penalties()
        for variable in self.trainable_variables if self.trainable else self._hub_variables:
            variable.trainable = self.trainable  # tracked by now, so that the layer's setter finds them again
        text = any(spec.dtype == tf.string for spec in keras.tree.flatten(self.signature))
        self.supports_jit = not (self._program.stateful or text)
        self.built = True

    def _add_penalties(self) -> None:
        penalties = list(getattr(self._loaded, "regularization_losses", ()))
        first = next((variable for variable in self._hub_variables if variable.trainable), None)
        if penalties and first is not None:
            # Keras counts the regularizer of a trainable variable once a step, however often the layer is called,
            # and not at all while the layer is frozen. The penalties read their variables themselves.
            first.regularizer = lambda _: keras.ops.sum([keras.ops.cast(penalty(), "float32") for penalty in penalties])

    @property
    def signature(self):
        """What the SavedModel takes: a `tf.TensorSpec`, or a structure of them."""
        return self._function.concrete_functions[0].structured_input_signature[0][0]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over graph, assets and values of the SavedModel as it was first loaded; training leaves it."""
        return self._fingerprint

    def call(self, inputs, training=None):
        """Returns the outputs of the SavedModel, floating ones in the compute dtype."""
        if not self._complete:
            inputs = hub_variables.require_values(inputs, hub_variables.variables_of(self._loaded), self.handle)
        inputs = keras.tree.map_structure(_cast_to, inputs, self.signature)
        if "training" in self._function.function_type.parameters:
            outputs = self._loaded(inputs, training=bool(training and self.trainable))
        else:
            outputs = self._loaded(inputs)
        return keras.tree.map_structure(self._cast_output, outputs)

    def _cast_output(self, output):
        return tf.cast(output, self.compute_dtype) if output.dtype.is_floating else output

    def get_config(self):
        """Returns the arguments of the layer, with the program and without the permission."""
        program = {**self._program.get_config(), "fingerprint": self._fingerprint}
        return {**super().get_config(), "handle": self.handle, "program": program}

    @classmethod
    def from_config(cls, config):
        """Returns the layer of `config`. Keras' own version would bury a refusal under the whole program.

        Raises:
            ValueError: If `config` holds `allow_host_ops`, or no whole `program`.
        """
        config = dict(config)
        program = config.get("program")
        whole = isinstance(program, dict) and {"graph", "assets", "fingerprint"} <= set(program)
        if "allow_host_ops" in config or not whole:
            raise ValueError(
                "The config of a HubLayer must hold its program and no permission: what is opened and what is allowed "
                f"is for who loads it to say (HubLayer, tlkeras.load). Received: keys {sorted(config)}"
            )
        if isinstance(config.get("dtype"), dict):
            config["dtype"] = keras.dtype_policies.deserialize(config["dtype"])
        return cls(**config)


def load(path, allow_host_ops=False, **kwargs):
    """Loads a `.keras` file as `keras.models.load_model` does; the permission for host operations is given anew.

    Args:
        path: The file.
        allow_host_ops: Whether a `HubLayer` in it may hold operations that touch the host. It is a program of whoever
            wrote the file.
        **kwargs: Arguments of `keras.models.load_model`.

    Returns:
        The model.

    Raises:
        ValueError: If a `HubLayer` in it touches the host and that is not allowed.
    """
    with _permission(allow_host_ops):
        return keras.models.load_model(path, **kwargs)


@contextlib.contextmanager
def _permission(allowed: bool):
    token = _PERMITTED.set(bool(allowed))
    try:
        yield
    finally:
        _PERMITTED.reset(token)


def _callable_of(loaded, source):
    function = loaded.__call__ if callable(loaded) else None
    if not getattr(function, "concrete_functions", None):
        raise ValueError(
            "`handle` must be a reusable SavedModel, with a traced `__call__(inputs, training=False)`. This one has "
            f"only the signatures {sorted(getattr(loaded, 'signatures', {}))}; wrap one in a tf.Module with a "
            f"`__call__` and save that. Received: {source}"
        )
    return function


def _cast_to(value, spec):
    value = tf.convert_to_tensor(value) if not isinstance(value, tf.RaggedTensor | tf.SparseTensor) else value
    return value if value.dtype == spec.dtype or tf.string in (value.dtype, spec.dtype) else tf.cast(value, spec.dtype)
