"""A whole KerasHub model as one layer, where its own layers cannot be saved one by one."""

import keras


@keras.saving.register_keras_serializable("tlkeras")
class PresetLayer(keras.layers.Layer):
    """Runs a KerasHub backbone; training moves all of it or nothing.

    Args:
        model: Backbone of KerasHub with one input. The config holds its class and arguments.
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
        """Returns what the model makes of `inputs`, a single tensor."""
        return self.model(keras.tree.pack_sequence_as(self.model.input, [inputs]), training=training)

    def get_config(self):
        """Returns the arguments of the layer, the model serialised."""
        return {**super().get_config(), "model": keras.saving.serialize_keras_object(self.model)}

    @classmethod
    def from_config(cls, config):
        """Returns the layer of `config`."""
        return cls(**{**config, "model": keras.saving.deserialize_keras_object(config["model"])})
