"""The variables of a loaded SavedModel as Keras variables that refuse to be read before they have values."""

from pathlib import Path

import keras
import tensorflow as tf

from tlkeras.layers.hub_tf1_variables import restore_by_name

_REMEDY = (
    "The variables of this HubLayer have no values yet: it was rebuilt from a config, and the config holds the program "
    "only. Load the weights first (keras.models.load_model, load_weights or set_weights)."
)


class HubVariable(keras.Variable):
    """A Keras variable over a `tf.Variable` of a SavedModel.

    TensorFlow reads a variable that was never assigned as an empty tensor, so that a sum of it is a silent 0. Reading
    this one raises instead. `value`, which optimizers take as a handle before the values are there, stays free.
    """

    _assigned = False

    def _require_value(self):
        self._assigned = self._assigned or has_values([self._value])
        if not self._assigned:
            raise ValueError(f"{_REMEDY} Received: variable {self.path!r}")

    def numpy(self):
        """Returns the value; raises a ValueError if it was never assigned."""
        self._require_value()
        return super().numpy()

    def __array__(self, *args, **kwargs):
        """Returns the value; raises a ValueError if it was never assigned."""
        self._require_value()
        return super().__array__(*args, **kwargs)

    def __tf_tensor__(self, *args, **kwargs):
        """Returns the value; raises a ValueError if it was never assigned."""
        self._require_value()
        return super().__tf_tensor__(*args, **kwargs)


def variables_of(loaded) -> list:
    """Returns the `tf.Variable`s in a stable order: the attribute `variables`, then what else the object holds."""
    found = list(getattr(loaded, "variables", ()))
    with tf.init_scope():
        found += [item for item in tf.train.TrackableView(loaded).descendants() if isinstance(item, tf.Variable)]
    return list({id(variable): variable for variable in found}.values())


def wrap_variables(variables, trained) -> list:
    """Returns a `HubVariable` for each of `variables`, trainable where it is one of `trained`."""
    trained = {id(variable) for variable in trained}
    return [
        HubVariable(
            variable,
            trainable=id(variable) in trained,
            dtype=variable.dtype.name,
            autocast=False,
            name=f"{index}_{variable.name.split(':')[0].replace('/', '_')}",
        )
        for index, variable in enumerate(variables)
    ]


def restore_variables(loaded, directory: Path, tf1_graph: bytes | None = None) -> None:
    """Reads the values of the variables of `loaded` from the SavedModel in `directory`.

    Args:
        loaded: What the program was rebuilt to.
        directory: The SavedModel.
        tf1_graph: The graph that was rebuilt, where the format is TF1: there the names of variables are the keys.

    Raises:
        ValueError: If the variables are absent, truncated, or not those of the graph.
    """
    try:
        with tf.init_scope():
            prefix = str(directory / "variables" / "variables")
            if tf1_graph:
                restore_by_name(tf1_graph, variables_of(loaded), prefix)
            else:
                tf.train.Checkpoint(root=loaded).read(prefix).assert_existing_objects_matched()
    except Exception as error:  # TensorFlow raises eight kinds here, IndexError for a short file among them
        raise ValueError(
            "`handle` must be a SavedModel with whole variables; variables/ is absent, truncated or of another model. "
            f"Fetch or export it again. ({type(error).__name__}: {str(error)[:200]}) Received: {directory}"
        ) from error


def has_values(variables) -> bool:
    """Tells whether every `tf.Variable` was assigned."""
    with tf.init_scope():
        return all(bool(variable.is_initialized()) for variable in variables)


def require_values(inputs, variables, source: str):
    """Raises if a variable has no value; inside a graph, makes the graph raise when it runs.

    A graph may be traced before the values are there: Keras does so for the output shape while it loads a file.

    Returns:
        `inputs`, behind the check.

    Raises:
        ValueError: In eager mode.
    """
    if has_values(variables):
        return inputs
    if tf.executing_eagerly():
        raise ValueError(f"{_REMEDY} Received: {source}")
    ready = tf.reduce_all([variable.is_initialized() for variable in variables])
    with tf.control_dependencies([tf.debugging.Assert(ready, [f"{_REMEDY} Received: {source}"])]):
        return keras.tree.map_structure(tf.identity, inputs)
