"""Which positions of a text hold a token, carried by the vectors themselves."""

import keras


@keras.saving.register_keras_serializable("tlkeras")
class RealTokens(keras.layers.Layer):
    """Appends a channel to the vectors of a text, 1 at a token and 0 at padding, and sets those of padding to 0.

    A position is padding where all of the reference is 0. No mask travels beside the tensor, so that a model can be cut
    behind this layer.

    Args:
        **kwargs: Keras layer arguments.

    Example:
        >>> vectors, ids = np.full((1, 3, 1), 5.0), np.array([[4, 1, 0]])
        >>> RealTokens()(vectors, ids).numpy().tolist()
        [[[5.0, 1.0], [5.0, 1.0], [0.0, 0.0]]]
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.built = True

    def call(self, vectors, reference):
        """Returns `(batch, length, width + 1)`; the reference is `(batch, length)` or `(batch, length, n)`."""
        real = keras.ops.not_equal(reference, keras.ops.cast(0, reference.dtype))
        real = real if len(real.shape) == 2 else keras.ops.any(real, axis=-1)
        real = keras.ops.cast(real, vectors.dtype)[..., None]
        return keras.ops.concatenate([vectors * real, real], axis=-1)

    def compute_output_shape(self, vectors_shape, reference_shape):
        """Returns the shape of the vectors, with a channel more."""
        return (*vectors_shape[:-1], vectors_shape[-1] + 1)
