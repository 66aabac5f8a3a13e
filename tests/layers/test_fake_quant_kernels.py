import keras
import numpy as np
import pytest

from tlkeras.layers import FakeQuantConv2D, FakeQuantDense, FakeQuantDepthwiseConv2D

IMAGES = np.random.default_rng(0).normal(size=(2, 7, 7, 3)).astype("float32")
CASES = [
    (FakeQuantDense, keras.layers.Dense, {"units": 5}, IMAGES[:, 0, 0], (0,)),
    (FakeQuantConv2D, keras.layers.Conv2D, {"filters": 4, "kernel_size": 3, "strides": 2}, IMAGES, (0, 1, 2)),
    (
        FakeQuantDepthwiseConv2D,
        keras.layers.DepthwiseConv2D,
        {"kernel_size": 3, "depth_multiplier": 2, "padding": "same"},
        IMAGES,
        (0, 1),
    ),
]


def weights_of(layer, inputs):
    if not layer.built:
        layer.build(inputs.shape)
    random = np.random.default_rng(1)
    return [(random.normal(size=weight.shape) * random.uniform(1, 9, weight.shape)) for weight in layer.get_weights()]


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize(("fake", "plain", "arguments", "inputs", "axes"), CASES)
def test_it_is_the_plain_layer_with_a_rounded_kernel(fake, plain, arguments, inputs, axes, per_channel):
    layer = fake(**arguments, activation="relu", per_channel=per_channel)
    expected = plain(**arguments, activation="relu")
    kernel, bias = weights_of(layer, inputs)
    step = np.abs(kernel).max(axis=axes if per_channel else None, keepdims=True) / 127
    layer.set_weights([kernel, bias])
    expected.build(inputs.shape)
    expected.set_weights([np.round(kernel / step) * step, bias])
    np.testing.assert_allclose(layer(inputs), expected(inputs), rtol=1e-4, atol=1e-4)
    again = fake.from_config(layer.get_config())
    assert again.per_channel == per_channel


@pytest.mark.parametrize(("fake", "plain", "arguments", "inputs", "axes"), CASES)
def test_the_gradient_moves_the_exact_kernel_which_is_saved(fake, plain, arguments, inputs, axes, tmp_path):
    entry = keras.Input(inputs.shape[1:])
    model = keras.Model(entry, fake(**arguments, name="layer")(entry))
    layer = model.get_layer("layer")
    before = weights_of(layer, inputs)
    layer.set_weights(before)
    model.compile(keras.optimizers.SGD(1e-3), "mse")
    model.fit(inputs, np.zeros((2, *model.output_shape[1:])), verbose=0)
    moved = layer.get_weights()[0] - before[0]
    assert 0 < np.abs(moved).max() < 0.1 and (moved != 0).mean() > 0.9, "by the gradient, not by the rounding"
    model.save(tmp_path / "m.keras")
    restored = keras.models.load_model(tmp_path / "m.keras").get_layer("layer").get_weights()
    np.testing.assert_array_equal(restored[0], layer.get_weights()[0])


def test_a_layer_without_a_bias_and_channels_first():
    assert FakeQuantDense(2, use_bias=False)(IMAGES[:, 0, 0]).shape == (2, 2)
    assert FakeQuantDepthwiseConv2D(3, use_bias=False)(IMAGES).shape == (2, 5, 5, 3)
    with pytest.raises(ValueError, match=r'`data_format` must be "channels_last"'):
        FakeQuantConv2D(2, 3, data_format="channels_first")
