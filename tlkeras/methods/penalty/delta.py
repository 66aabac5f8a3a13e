"""DELTA: feature maps that stay where the pretrained model had them."""

import keras
import numpy as np

from tlkeras import ops
from tlkeras.backbones.graph import output_of
from tlkeras.surgery.copies import frozen_copy
from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class DELTA(Method):
    """Holds the feature maps of the trained model near those of its starting point, channel by channel.

    `sum_taps 1/2 mean_rows mean_positions sum_c C a_c (m_c - m0_c)^2 + beta / 2 ||v||^2` with `m` the map of a tapped
    layer, `m0` the same layer in a frozen copy of the model as it was when the `TransferModel` was made, `a` the
    attention (sums to 1) over its `C` channels, `v` the weights above the last tap of two and more axes.

    The copy runs once a step in inference mode, is saved with the method and never exported. Frozen weights above the
    taps count nothing.

    Deviations from the paper: the distance is a mean over rows and positions, as in the authors' code (which sums over
    rows), so that the weight does not depend on the size of the batch or of the image. Attention is computed before
    the training by `delta_attention`.

    Args:
        taps: Names of the layers to hold, from bottom to top; `("features",)` by default. The authors hold the last
            convolution of each stage of a ResNet.
        attention: `{tap: list of numbers >= 0 that sum to 1}` as `delta_attention` returns it, or None for uniform.
        beta: Strength of the weight decay above the taps. The authors use 0.01.
        weight: Factor on the whole term, a number >= 0 or a schedule. A good value depends on the scale of the maps.
        name: Name in the logs.

    Views:
        source: the input and the tapped layers, `(batch, ..., channels)`. No labels are read.

    Returns:
        Scalar >= 0. At the start, in inference mode, it is `beta / 2 ||v||^2`.

    Raises:
        ValueError: If a tap is absent, `beta` is not a number >= 0, or `attention` does not fit the taps.

    Example:
        >>> DELTA(taps=("block_1", "block_2")).taps
        ('block_1', 'block_2')

    Reference:
        Li, Xiong, Wang, Rao, Liu, Huan: DELTA: Deep Learning Transfer using Feature Map with Attention for
        Convolutional Networks, 2019, https://arxiv.org/abs/1901.09229
    """

    views = ("source",)
    taps = ()  # an argument here, which the base class works out from `tap`

    def __init__(self, *, taps=("features",), attention=None, beta=0.01, weight=1.0, name=None):
        super().__init__(weight=weight, name=name)
        if isinstance(taps, str) or not taps:
            raise ValueError(f"`taps` must be a sequence of layer names. Received: taps={taps!r}")
        if not isinstance(beta, int | float) or beta < 0:
            raise ValueError(f"`beta` must be a number >= 0. Received: beta={beta!r}")
        self.taps = tuple(taps)
        self.attention = attention and _checked(attention, self.taps)
        self.beta = beta

    def bind(self, model):
        """Copies the model up to the last tap."""
        outputs = {tap: output_of(model, tap) for tap in self.taps}
        lower = keras.Model(model.input, outputs)
        self.start = frozen_copy(lower, self.name)
        held = {id(variable) for variable in lower.weights}
        above = [variable for variable in model.weights if len(variable.shape) >= 2 and id(variable) not in held]
        # A function hides the model's variables from Keras, which would count them as the method's own.
        self._above = lambda: (model, above)

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        start = self.start(batch.get("source", "input"), training=False)
        distances = [self._distance(tap, batch.get("source", tap), start[tap]) for tap in self.taps]
        model, above = self._above()
        trained = {id(variable) for variable in model.trainable_variables}
        decayed = [keras.ops.convert_to_tensor(variable) for variable in above if id(variable) in trained]
        return sum(distances) + self.beta * ops.half_squared_norm(decayed)

    def _distance(self, tap, maps, start):
        channels = maps.shape[-1]
        attention = self.attention[tap] if self.attention else [1.0 / channels] * channels
        if len(attention) != channels:
            raise ValueError(
                f"`attention` of `{tap}` must hold one number a channel, {channels}. Received: {len(attention)} numbers"
            )
        start = keras.ops.stop_gradient(keras.ops.cast(start, "float32"))
        return ops.attended_distance(maps, start, keras.ops.convert_to_tensor(attention, "float32"))

    def get_config(self):
        """Returns the arguments of the method."""
        config = super().get_config()
        del config["tap"]
        return {**config, "taps": self.taps, "attention": self.attention, "beta": self.beta}


def _checked(attention, taps):
    lists = {tap: [float(value) for value in values] for tap, values in attention.items()}
    if set(lists) != set(taps):
        raise ValueError(f"`attention` must have one list for each of `taps`, {list(taps)}. Received: {sorted(lists)}")
    for tap, values in lists.items():
        if not values or min(values) < 0 or not np.isclose(sum(values), 1.0, atol=1e-3):
            raise ValueError(
                f"`attention` of `{tap}` must hold numbers >= 0 that sum to 1. Received: "
                f"{len(values)} numbers, sum {sum(values):.6g}, smallest {min(values, default=0.0):.6g}"
            )
    return lists
