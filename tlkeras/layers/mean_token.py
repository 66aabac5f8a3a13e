"""The mean over the words of a text."""

import keras


@keras.saving.register_keras_serializable("tlkeras")
class MeanToken(keras.layers.Layer):
    """Averages the vectors of the tokens of a row; padding does not count, and a row without tokens gives zeros.

    Keras' `GlobalAveragePooling1D` with a mask gives NaN for such a row: a text of punctuation alone.

    Args:
        padding: Id of the padding.
        **kwargs: Keras layer arguments.

    Example:
        >>> vectors, ids = np.array([[[2.0], [4.0], [9.0]]]), np.array([[5, 1, 0]])
        >>> MeanToken()(vectors, ids).numpy().tolist()
        [[3.0]]
    """

    def __init__(self, padding=0, **kwargs):
        super().__init__(**kwargs)
        self.padding = padding
        self.built = True

    def call(self, vectors, ids):
        """Returns the means `(batch, width)` of vectors `(batch, length, width)` with ids `(batch, length)`."""
        keep = keras.ops.cast(keras.ops.not_equal(ids, self.padding), vectors.dtype)[..., None]
        count = keras.ops.maximum(keras.ops.sum(keep, axis=1), 1)
        return keras.ops.sum(vectors * keep, axis=1) / count

    def compute_output_shape(self, vectors_shape, ids_shape):
        """Returns `(batch, width)`."""
        return (vectors_shape[0], vectors_shape[-1])

    def get_config(self):
        """Returns the arguments of the layer."""
        return {**super().get_config(), "padding": self.padding}
