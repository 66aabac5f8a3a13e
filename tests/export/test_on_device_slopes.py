import keras
import numpy as np
import pytest
import tensorflow as tf

from tlkeras.export.on_device_slopes import back, of_scale_and_bias, passes

L = keras.layers
VALUES = np.random.default_rng(0).normal(0, 4, (3, 4, 5, 6)).astype("float32")
PASSED = [
    L.Identity(), L.Dropout(0.5), L.Flatten(), L.Reshape((10, 12)), L.GlobalAveragePooling2D(),
    L.GlobalAveragePooling2D(keepdims=True), L.ReLU(), L.ReLU(6.0), L.ReLU(5.0, negative_slope=0.2),
    *(L.Activation(name) for name in ("linear", "relu", "relu6", "sigmoid", "tanh", "silu", "hard_silu")),
]  # fmt: skip


@pytest.mark.parametrize("layer", PASSED, ids=lambda layer: layer.name)
def test_the_gradient_is_that_of_the_tape(layer):
    assert passes(layer)
    x = tf.constant(VALUES)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=False)
    given = tf.constant(np.random.default_rng(1).normal(size=y.shape), "float32")
    np.testing.assert_allclose(back(layer, x, y, given), tape.gradient(y, x, given), atol=1e-6)


@pytest.mark.parametrize(
    "layer",
    [
        L.BatchNormalization(epsilon=0.1, beta_initializer="ones"), L.BatchNormalization(scale=False),
        L.Conv2D(7, 3, padding="same", activation="relu"), L.DepthwiseConv2D(3, bias_initializer="ones"),
        *(L.Dense(3, activation=name) for name in ("linear", "relu6", "sigmoid", "tanh")),
    ],
    ids=lambda layer: layer.name,
)  # fmt: skip
def test_the_gradients_of_scale_and_bias_are_those_of_the_tape(layer):
    keras.utils.set_random_seed(0)
    x = tf.constant(VALUES)
    layer(x)
    if isinstance(layer, L.BatchNormalization):
        layer.moving_mean.assign(np.arange(6))
        layer.moving_variance.assign(1 + np.arange(6))
        weights = [layer.gamma, layer.beta]
    else:
        weights = [None, layer.bias]
    with tf.GradientTape() as tape:
        y = layer(x, training=False)
    given = tf.constant(np.random.default_rng(1).normal(size=y.shape), "float32")
    found = of_scale_and_bias(layer, x, y, given)
    pairs = [(weight.value, value) for weight, value in zip(weights, found, strict=True) if weight is not None]
    for expected, (_, value) in zip(tape.gradient(y, [weight for weight, _ in pairs], given), pairs, strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "layer", [L.MaxPooling2D(), L.Activation("gelu"), L.ReLU(threshold=1.0), L.GlobalAveragePooling2D("channels_first")]
)
def test_other_layers_do_not_pass(layer):
    assert not passes(layer)
