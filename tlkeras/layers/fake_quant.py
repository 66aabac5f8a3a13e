"""Activations as an int8 file will have them."""

import contextlib
import contextvars

import keras

from tlkeras.ops.fake_quant import fake_quant

_CONVERTER = contextvars.ContextVar("tlkeras_fake_quant_converter", default=None)


@contextlib.contextmanager
def quantized_by(converter):
    """Inside the `with` block, layers with fake quantisation leave it to somebody else: who writes a file, say.

    Args:
        converter: Object with `activations(layer, tensor)` and `kernel(layer, tensor)`, which return a tensor.
    """
    token = _CONVERTER.set(converter)
    try:
        yield
    finally:
        _CONVERTER.reset(token)


def current_converter():
    """Returns the object of the `quantized_by` block that is open, or None."""
    return _CONVERTER.get()


@keras.saving.register_keras_serializable("tlkeras")
class FakeQuant(keras.layers.Layer):
    """Rounds activations to 256 values, as an int8 file holds them; gradients pass where they lie in the range.

    `low` and `high` start at what `observe` or the first batch in training shows, and follow the smallest and largest
    value of every batch in training: `low <- momentum low + (1 - momentum) min(x)`. Outside training, and when the
    layer is frozen, they stay. As long as there is no range, values pass unchanged.
    `tlkeras.surgery.quantization_aware` puts these layers into a model.

    Args:
        momentum: Share of the old range, in [0, 1).
        fixed_range: `(low, high)` that nothing moves, or None.
        **kwargs: Keras layer arguments.

    Raises:
        ValueError: If `momentum` is outside [0, 1), or `fixed_range` is not two rising numbers.

    Example:
        >>> layer = FakeQuant()
        >>> layer.observe(np.array([0.0, 2.55]))
        >>> [round(float(value), 3) for value in layer(np.array([-1.0, 0.013, 9.0], "float32"))]
        [0.0, 0.01, 2.55]

    Reference:
        Jacob, Kligys, Chen, Zhu, Tang, Howard, Adam, Kalenichenko: Quantization and Training of Neural Networks for
        Efficient Integer-Arithmetic-Only Inference, 2018, https://arxiv.org/abs/1712.05877
    """

    def __init__(self, momentum=0.99, fixed_range=None, **kwargs):
        super().__init__(**kwargs)
        if isinstance(momentum, bool) or not isinstance(momentum, int | float) or not 0 <= momentum < 1:
            raise ValueError(f"`momentum` must be a number in [0, 1). Received: momentum={momentum!r}")
        if fixed_range is not None and not fixed_range[0] < fixed_range[1]:
            raise ValueError(f"`fixed_range` must be two rising numbers. Received: fixed_range={fixed_range!r}")
        self.momentum = momentum
        self.fixed_range = None if fixed_range is None else tuple(float(end) for end in fixed_range)
        self.supports_masking = True
        if fixed_range is None:
            kind = {"shape": (), "initializer": "zeros", "trainable": False, "dtype": "float32", "autocast": False}
            self.low = self.add_weight(name="low", aggregation="mean", **kind)
            self.high = self.add_weight(name="high", aggregation="mean", **kind)
        self.built = True

    def range(self):
        """Returns `(low, high)`: two numbers, or two variables."""
        return self.fixed_range or (self.low, self.high)

    def observe(self, inputs):
        """Widens the range so that it holds these inputs; the first ones set it. A fixed range stays.

        Args:
            inputs: Array or tensor with values, not a symbolic one.
        """
        if self.fixed_range is None:
            self._follow(inputs, lambda known, seen, wider: wider(known, seen))

    def call(self, inputs, training=None):
        """Returns the rounded inputs."""
        if current_converter() is not None:
            return current_converter().activations(self, inputs)
        if self.fixed_range is not None:
            return fake_quant(inputs, *self.fixed_range)
        if training and self.trainable:
            self._follow(inputs, lambda known, seen, _: self.momentum * known + (1 - self.momentum) * seen)
        return keras.ops.where(self.high > self.low, fake_quant(inputs, self.low, self.high), inputs)

    def _follow(self, inputs, moved):
        inputs = keras.ops.stop_gradient(keras.ops.cast(inputs, "float32"))
        known = self.high > self.low
        for end, extreme, wider in (
            (self.low, keras.ops.min(inputs), keras.ops.minimum),
            (self.high, keras.ops.max(inputs), keras.ops.maximum),
        ):
            end.assign(keras.ops.where(known, moved(keras.ops.convert_to_tensor(end), extreme, wider), extreme))

    def compute_output_shape(self, input_shape):
        """Returns `input_shape`."""
        return input_shape

    def get_config(self):
        """Returns the arguments of the layer."""
        return {**super().get_config(), "momentum": self.momentum, "fixed_range": self.fixed_range}
