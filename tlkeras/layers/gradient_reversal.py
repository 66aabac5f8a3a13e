"""The gradient-reversal layer."""

import keras

from tlkeras.ops.gradient import reverse_gradient


@keras.saving.register_keras_serializable("tlkeras")
class GradientReversal(keras.layers.Layer):
    """Identity in the forward pass; multiplies the gradient by `-strength` in the backward pass.

    Put between an encoder and a critic, it makes the encoder work against the critic in one step of one optimizer.

    Args:
        strength: Number >= 0. 0 cuts the gradient.
        **kwargs: Keras layer arguments.

    Raises:
        ValueError: If `strength` is negative.

    Example:
        >>> tuple(GradientReversal(strength=0.3)(keras.ops.ones((2, 4))).shape)
        (2, 4)

    Reference:
        Ganin, Lempitsky: Unsupervised Domain Adaptation by Backpropagation, 2015, https://arxiv.org/abs/1409.7495
    """

    def __init__(self, strength=1.0, **kwargs):
        super().__init__(**kwargs)
        if strength < 0:
            raise ValueError(f"`strength` must be >= 0; the layer adds the minus sign. Received: strength={strength}")
        self.strength = strength
        self.built = True

    def call(self, inputs):
        """Returns `inputs`."""
        return reverse_gradient(inputs, self.strength)

    def compute_output_shape(self, input_shape):
        """Returns `input_shape`."""
        return input_shape

    def get_config(self):
        """Returns the arguments of the layer."""
        return {**super().get_config(), "strength": self.strength}
