"""A reusable TF2 SavedModel (TF-Hub, Kaggle) as a Keras 3 layer."""

import os

import keras

from tlkeras.layers.block_names import group
from tlkeras.layers.hub_handle import resolve_handle
from tlkeras.layers.hub_permission import permitted

# TensorFlow is imported only where it is the backend, so that the rest of the package runs without it.
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    from tlkeras.layers import hub_order, hub_variables
    from tlkeras.layers.hub_call import HubRows, callable_of, fitted
    from tlkeras.layers.hub_program import HubProgram


@keras.saving.register_keras_serializable("tlkeras")
class HubLayer(keras.layers.Layer):
    """Runs a reusable SavedModel; its variables become variables of the Keras model.

    The layer takes what the SavedModel takes and scales nothing: image feature vectors of TF-Hub want [0, 1]. Several
    inputs are one dict or list, and so are several outputs. What has no `__call__`, as all of the TF1 format, runs by
    one of its signatures.
    A `.keras` file carries graph, assets and values, so it loads where the original is gone. Before anything is
    loaded, here and from a file, the graph is read, and operations that touch the host are refused.

    Args:
        handle: Directory, `.tar.gz` file, `kaggle://` model or `http(s)://` address of a SavedModel.
        trainable: Whether training moves the SavedModel's trainable variables and its BatchNorm averages. When not,
            the SavedModel always runs in inference mode.
        allow_host_ops: Load the SavedModel although it touches the host. Never saved; see `tlkeras.load`.
        program: Graph, assets and fingerprint as `get_config` wrote them; `handle` is then not opened, and the values
            come with `load_weights` or `load_model`. Until then reading a variable raises.
        signature: Name of a signature to run in the place of `__call__`, such as `"serving_default"`; inference only.
        rows: Whether the SavedModel takes one row without a batch axis, as audio models take one waveform, and is
            called for each row of a batch.
        **kwargs: Keras layer arguments.

    Raises:
        ValueError: If the SavedModel is absent, broken, not callable and no `signature` given, or touches the host; if
            `trainable` and it has no trainable variables or a `signature` is given.
        RuntimeError: If the backend of Keras is not TensorFlow.

    Example:
        >>> layer = HubLayer("saved_models/glyphs", trainable=True)
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), layer, keras.layers.Dense(10)])

    Reference:
        Reusable SavedModels, https://www.tensorflow.org/hub/reusable_saved_models
    """

    def __init__(
        self, handle, trainable=False, *, allow_host_ops=False, program=None, signature=None, rows=False, **kwargs
    ):
        if keras.backend.backend() != "tensorflow":
            raise RuntimeError(
                "HubLayer runs a TensorFlow SavedModel; set KERAS_BACKEND=tensorflow before Keras is imported. "
                f"Received: backend {keras.backend.backend()!r}"
            )
        super().__init__(trainable=trainable, autocast=False, **kwargs)
        self.handle, self.signature = os.fspath(handle), signature
        self.allow_host_ops = bool(allow_host_ops or permitted())
        directory = resolve_handle(handle) if program is None else None
        if directory is not None:
            self._program = HubProgram.from_directory(directory, self.allow_host_ops)
        else:
            self._program = HubProgram.from_config(program, self.handle, self.allow_host_ops)
        self._loaded = self._program.rebuild()
        self._function = callable_of(self._loaded, signature, self.handle)
        self.rows = False
        variables = hub_variables.variables_of(self._loaded)
        if directory is not None and variables:
            hub_variables.restore_variables(self._loaded, directory, self._program.tf1_graph)
        self._complete = hub_variables.has_values(variables)
        self._fingerprint = program["fingerprint"] if program else self._program.fingerprint(variables, signature)
        self._adopt(variables)
        text = any(spec.dtype == tf.string for spec in keras.tree.flatten(self.input_signature))
        self.supports_jit = not (self._program.stateful or text)
        self.built = True
        if rows:
            self.by_row()

    def by_row(self) -> None:
        """Calls a SavedModel without a batch axis for each row of a batch, as `rows=True` does."""
        self._function, self.rows, self.supports_jit = HubRows(self._function, self.handle), True, False

    def _adopt(self, variables) -> None:
        """Wraps the variables of the SavedModel for Keras, and divides them into blocks."""
        trained = list(getattr(self._loaded, "trainable_variables", ())) if self.signature is None else []
        if self.trainable and not trained:
            raise ValueError(
                "`trainable` must be False for a SavedModel without `trainable_variables`, and for a signature, which "
                f"is a program for inference. Received: trainable=True, signature={self.signature!r} for {self.handle}"
            )
        self._hub_variables = hub_variables.wrap_variables(variables, trained)
        self._trained = [index for index, variable in enumerate(self._hub_variables) if variable.trainable]
        self._units = hub_order.variable_units(self._function, variables)
        self._blocks = list(group([unit for unit, _ in self._units]).values())
        trainable = self.trainable
        self.unfreeze("all" if trained else 0)
        if not trainable:
            self.trainable = False  # and keeps its depth for when that is switched on

    @property
    def variable_groups(self) -> list:
        """`(Unit, variables)` for each folder of variables of the SavedModel, in the order in which its graph reads."""
        return [(unit, [self._hub_variables[index] for index in indices]) for unit, indices in self._units]

    def unfreeze(self, depth, *, freeze_bn=True) -> None:
        """Lets training move the top `depth` blocks of the SavedModel only.

        A SavedModel runs as a whole in training or in inference mode. So BatchNorm uses its averages, and leaves them,
        in all blocks as long as one block is frozen or `freeze_bn="all"`, and in none with `freeze_bn=False`. Scale
        and offset of the unfrozen blocks are trained either way.

        Args:
            depth: Number of blocks from the top, 0 for none, or `"all"`.
            freeze_bn: True: a partly frozen SavedModel runs in inference mode; `"all"`: so does a wholly unfrozen one;
                False: neither does.

        Raises:
            ValueError: If there are fewer blocks than `depth`, or nothing in them is trainable.
        """
        count = len(self._blocks) if depth == "all" else depth
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= len(self._blocks):
            raise ValueError(
                f'`depth` must be "all" or a number of blocks in 0..{len(self._blocks)}. '
                f"Received: depth={depth!r} for {self.handle}"
            )
        if count and not self._trained:
            raise ValueError(
                "`depth` must be 0 for a SavedModel without `trainable_variables`, and for a signature, which is a "
                f"program for inference. Received: depth={depth!r}, signature={self.signature!r} for {self.handle}"
            )
        self.depth, self.freeze_bn = depth, freeze_bn
        self._whole = count == len(self._blocks)
        self.trainable = depth != 0
        self._mark_trainable()  # TensorFlow's `__setattr__` drops an assignment that changes nothing

    @property
    def trainable(self):
        """Whether training moves the top `depth` blocks; switched on where `depth` is 0, it moves all."""
        return self._trainable

    @trainable.setter
    def trainable(self, value):
        keras.layers.Layer.trainable.fset(self, value)
        if hasattr(self, "_whole"):
            if value and self.depth == 0:
                self.depth, self._whole = "all", True
            self._mark_trainable()

    def _mark_trainable(self) -> None:
        count = len(self._blocks) if self.depth == "all" else self.depth
        top = self._blocks[len(self._blocks) - count :]
        moved = {index for block in top for unit in block for index in self._units[unit][1]}
        for index, variable in enumerate(self._hub_variables):
            if index in self._trained:
                variable.trainable = self.trainable and (self._whole or index in moved)
        self._attach_penalties()

    def _attach_penalties(self) -> None:
        penalties = list(getattr(self._loaded, "regularization_losses", ()))
        for index in self._trained:
            self._hub_variables[index].regularizer = None
        first = next((variable for variable in self._hub_variables if variable.trainable), None)
        if penalties and first is not None:
            # Keras counts the regularizer of a trainable variable once a step, however often the layer is called,
            # and not at all while the layer is frozen. The penalties read their variables themselves.
            first.regularizer = lambda _: keras.ops.sum([keras.ops.cast(penalty(), "float32") for penalty in penalties])

    @property
    def input_signature(self):
        """What the SavedModel takes: a `tf.TensorSpec`, or a structure of them."""
        return self._function.takes

    @property
    def fingerprint(self) -> str:
        """SHA-256 over graph, assets and values of the SavedModel as it was first loaded; training leaves it."""
        return self._fingerprint

    def call(self, inputs, training=None):
        """Returns the outputs of the SavedModel, floating ones in the compute dtype."""
        if not self._complete:
            inputs = hub_variables.require_values(inputs, hub_variables.variables_of(self._loaded), self.handle)
        inputs = fitted(inputs, self.input_signature, self.handle)
        adapts = not self.freeze_bn or (self._whole and self.freeze_bn is True)
        training = bool(training and self.trainable and adapts)
        outputs = self._function(inputs, training)
        return keras.tree.map_structure(self._cast_output, outputs)

    def _cast_output(self, output):
        return tf.cast(output, self.compute_dtype) if output.dtype.is_floating else output

    def get_config(self):
        """Returns the arguments of the layer, the program and the depth among them, and never the permission."""
        program = {**self._program.get_config(), "fingerprint": self._fingerprint}
        moved = {"depth": self.depth, "freeze_bn": self.freeze_bn}
        return {**super().get_config(), "handle": self.handle, "program": program, "signature": self.signature,
                "rows": self.rows, **moved}  # fmt: skip

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
        moved = {key: config.pop(key) for key in ("depth", "freeze_bn") if key in config}
        layer = cls(**config)
        trainable = layer.trainable
        if moved:
            layer.unfreeze(**moved)
        if not trainable:
            layer.trainable = False
        return layer
