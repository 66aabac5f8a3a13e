"""A whole KerasHub model as one layer, where its own layers cannot be saved one by one."""

import keras


@keras.saving.register_keras_serializable("tlkeras")
class PresetLayer(keras.layers.Layer):
    """Runs a KerasHub backbone; training moves all of it or nothing.

    Args:
        model: Backbone of KerasHub. The config holds its class and arguments.
        **kwargs: Keras layer arguments.

    Example:
        >>> inputs = keras.Input((4,))
        >>> layer = PresetLayer(keras.Model(inputs, keras.layers.Dense(2)(inputs)))
        >>> layer(np.ones((3, 4))).shape
        TensorShape([3, 2])
    """

    def __init__(self, model, **kwargs):
        super().__init__(**kwargs)
        self.model = model
        self.built = True

    def call(self, inputs, training=None):
        """Returns what the model makes of `inputs`, a tensor or a structure of them like its own."""
        inputs = keras.tree.pack_sequence_as(self.model.input, keras.tree.flatten(inputs))
        return self.model(inputs, training=training)

    def get_config(self):
        """Returns the arguments of the layer, the model serialised."""
        return {**super().get_config(), "model": keras.saving.serialize_keras_object(self.model)}

    @classmethod
    def from_config(cls, config):
        """Returns the layer of `config`."""
        return cls(**{**config, "model": keras.saving.deserialize_keras_object(config["model"])})


def applied(model, inputs):
    """Returns the outputs of a KerasHub model in a flat graph, or where it cannot be saved flat, behind one layer.

    Args:
        model: Functional model of KerasHub.
        inputs: Symbolic tensors, as many as it takes, in its structure or flat.
    """
    if all(_is_rebuilt(layer) for layer in model.layers):
        # `call` runs the layers one by one, so that the graph is flat; the model itself would be one layer of it.
        return model.call(keras.tree.pack_sequence_as(model.input, keras.tree.flatten(inputs)))
    return PresetLayer(model, name=model.name)(inputs)


def _is_rebuilt(layer) -> bool:
    """Tells whether a `.keras` file could carry `layer` by itself; KerasHub tests that for whole models only."""
    try:
        type(layer).from_config(layer.get_config())
    except Exception:  # as many kinds as there are mistakes in a get_config
        return False
    return True
