"""Layers whose kernels are rounded as an int8 file will have them."""

import keras

from tlkeras.layers.fake_quant import current_converter
from tlkeras.ops.fake_quant import fake_quant_weights


class _FakeQuantKernel:
    """What the layers have in common: `per_channel`, and the rounded kernel.

    The kernel itself is kept and trained in float32; biases are not rounded, since a file has 32 bits for them.
    """

    shared_axes = None  # of the kernel, over which a channel of the output shares its step

    def __init__(self, *args, per_channel=True, **kwargs):
        super().__init__(*args, **kwargs)
        if getattr(self, "data_format", "channels_last") != "channels_last":
            raise ValueError(f'`data_format` must be "channels_last". Received: layer {self.name}, channels_first')
        self.per_channel = per_channel

    def rounded(self, kernel):
        """Returns the kernel as the file will hold it."""
        if current_converter() is not None:
            return current_converter().kernel(self, kernel)
        return fake_quant_weights(kernel, self.shared_axes if self.per_channel else None)

    def get_config(self):
        """Returns the arguments of the layer."""
        return {**super().get_config(), "per_channel": self.per_channel}


@keras.saving.register_keras_serializable("tlkeras")
class FakeQuantDense(_FakeQuantKernel, keras.layers.Dense):
    """A Dense layer that computes with its kernel rounded to int8; the gradient moves the kernel behind it.

    Args:
        *args: Arguments of `keras.layers.Dense`.
        per_channel: Whether every unit has a step of its own, as LiteRT writes it, or the kernel one.
        **kwargs: Arguments of `keras.layers.Dense`.

    Example:
        >>> layer = FakeQuantDense(1, kernel_initializer=keras.initializers.Constant(0.5))
        >>> float(layer(np.ones((1, 2), "float32"))[0, 0])
        1.0

    Reference:
        As `tlkeras.layers.FakeQuant`.
    """

    shared_axes = (0,)

    def call(self, inputs, training=None):
        """Returns the activations, `(batch, ..., units)`."""
        outputs = keras.ops.matmul(inputs, self.rounded(self.kernel))
        if self.bias is not None:
            outputs = keras.ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)


@keras.saving.register_keras_serializable("tlkeras")
class FakeQuantConv2D(_FakeQuantKernel, keras.layers.Conv2D):
    """A Conv2D layer that computes with its kernel rounded to int8; the gradient moves the kernel behind it.

    Args:
        *args: Arguments of `keras.layers.Conv2D`, `"channels_last"` only.
        per_channel: Whether every filter has a step of its own, as LiteRT writes it, or the kernel one.
        **kwargs: Arguments of `keras.layers.Conv2D`.

    Example:
        >>> tuple(FakeQuantConv2D(4, 3)(keras.ops.ones((1, 8, 8, 2))).shape)
        (1, 6, 6, 4)

    Reference:
        As `tlkeras.layers.FakeQuant`.
    """

    shared_axes = (0, 1, 2)

    def convolution_op(self, inputs, kernel):
        """Returns the convolution with the rounded kernel."""
        return super().convolution_op(inputs, self.rounded(kernel))


@keras.saving.register_keras_serializable("tlkeras")
class FakeQuantDepthwiseConv2D(_FakeQuantKernel, keras.layers.DepthwiseConv2D):
    """A DepthwiseConv2D layer that computes with its kernel rounded to int8; the gradient moves the kernel behind it.

    Args:
        *args: Arguments of `keras.layers.DepthwiseConv2D`, `"channels_last"` only.
        per_channel: Whether every channel has a step of its own, as LiteRT writes it, or the kernel one.
        **kwargs: Arguments of `keras.layers.DepthwiseConv2D`.

    Example:
        >>> tuple(FakeQuantDepthwiseConv2D(3)(keras.ops.ones((1, 8, 8, 2))).shape)
        (1, 6, 6, 2)

    Reference:
        As `tlkeras.layers.FakeQuant`.
    """

    shared_axes = (0, 1)

    def call(self, inputs):
        """Returns the activations, `(batch, rows, columns, channels * depth_multiplier)`."""
        outputs = keras.ops.depthwise_conv(
            inputs,
            self.rounded(self.kernel),
            strides=self.strides,
            padding=self.padding,
            dilation_rate=self.dilation_rate,
            data_format=self.data_format,
        )
        if self.bias is not None:
            outputs = keras.ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)
