import keras
import numpy as np
import pytest

from tlkeras.surgery.folded import folded, scale_and_offset

IMAGES = np.random.default_rng(0).normal(size=(4, 6, 6, 3)).astype("float32")


def randomised(model):
    random = np.random.default_rng(1)
    model.set_weights([random.uniform(0.3, 2, weight.shape) for weight in model.get_weights()])
    return model


@pytest.mark.parametrize("norm", [{}, {"scale": False}, {"center": False, "epsilon": 0.1}])
@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize(
    ("kind", "arguments", "inputs"),
    [
        (keras.layers.Dense, {"units": 5}, IMAGES[:, 0, 0]),
        (keras.layers.Conv2D, {"filters": 4, "kernel_size": 3}, IMAGES),
        (keras.layers.DepthwiseConv2D, {"kernel_size": 2, "depth_multiplier": 3}, IMAGES),
    ],
)
def test_one_layer_does_what_two_did(kind, arguments, inputs, use_bias, norm):
    layers = [kind(**arguments, use_bias=use_bias), keras.layers.BatchNormalization(**norm)]
    model = randomised(keras.Sequential([keras.Input(inputs.shape[1:]), *layers]))
    one = kind(**arguments)
    one.build(inputs.shape)
    one.set_weights(folded(*layers))
    np.testing.assert_allclose(one(inputs), model(inputs, training=False), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.Rescaling(1 / 127.5, offset=-1),
        keras.layers.Rescaling([0.5, 2.0, 3.0], offset=[1.0, -1.0, 0.0]),
        keras.layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 1.0, 0.25]),
        keras.layers.Normalization(mean=1.0, variance=4.0, axis=None),
        keras.layers.BatchNormalization(),
    ],
)
def test_a_scaling_is_two_numbers_a_channel(layer):
    layer.build(IMAGES.shape)
    if layer.weights:
        layer.set_weights([np.random.default_rng(1).uniform(0.3, 2, weight.shape) for weight in layer.get_weights()])
    scale, offset = scale_and_offset(layer)
    np.testing.assert_allclose(IMAGES * scale + offset, layer(IMAGES), rtol=1e-5, atol=1e-5)
