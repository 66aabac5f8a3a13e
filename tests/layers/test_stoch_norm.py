import keras
import numpy as np
import pytest

from tlkeras.layers.stoch_norm import StochNorm

X = np.random.default_rng(0).normal(2, 3, (6, 5, 400)).astype("float32")


def built(**arguments):
    layer = StochNorm(**arguments)
    layer.build(X.shape)
    random = np.random.default_rng(1)
    layer.set_weights([random.uniform(0.5, 2, 400), *random.normal(size=(2, 400)), random.uniform(0.5, 2, 400)])
    return layer


def run(layer, training):
    return keras.ops.convert_to_numpy(layer(X, training=training))


def normalised(layer, mean, variance):
    gamma, beta = layer.get_weights()[:2]
    return (X - mean) / np.sqrt(variance + layer.epsilon) * gamma + beta


def test_each_channel_takes_one_of_both_statistics():
    layer = built(p=0.3, seed=0)
    moving = normalised(layer, *layer.get_weights()[2:])
    batch = normalised(layer, X.mean(axis=(0, 1)), X.var(axis=(0, 1)))
    mean, variance = layer.get_weights()[2:]
    received = run(layer, training=True)
    is_moving = np.isclose(received, moving, atol=1e-4).all(axis=(0, 1))
    is_batch = np.isclose(received, batch, atol=1e-4).all(axis=(0, 1))
    assert (is_moving ^ is_batch).all() and 0.2 < is_moving.mean() < 0.4
    np.testing.assert_allclose(layer.get_weights()[2], 0.99 * mean + 0.01 * X.mean(axis=(0, 1)), atol=1e-5)
    np.testing.assert_allclose(layer.get_weights()[3], 0.99 * variance + 0.01 * X.var(axis=(0, 1)), atol=1e-4)
    again = np.isclose(run(layer, training=True), received, atol=1e-4).all(axis=(0, 1))
    assert not again.all(), "every step draws anew"


def test_the_ends_are_batch_normalisation_and_inference():
    plain = keras.layers.BatchNormalization()
    plain.build(X.shape)
    plain.set_weights(built().get_weights())
    np.testing.assert_array_equal(run(built(p=0), training=True), run(plain, training=True))
    plain.set_weights(built().get_weights())
    np.testing.assert_allclose(run(built(p=1.0), training=True), run(plain, training=False), atol=1e-5)
    np.testing.assert_array_equal(run(built(), training=False), run(plain, training=False))


def test_a_frozen_layer_infers():
    layer = built()
    layer.trainable = False
    before = layer.get_weights()
    np.testing.assert_array_equal(run(layer, training=True), run(built(), training=False))
    for now, then in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_the_axis_of_channels_may_be_another():
    layer = StochNorm(axis=1, p=0.5, seed=0)
    assert layer(X[:, :, :3], training=True).shape == (6, 5, 3)


@pytest.mark.parametrize("p", [-0.1, 2, "1"])
def test_a_wrong_probability_is_refused(p):
    with pytest.raises(ValueError, match="`p` must be a number in \\[0, 1\\]. Received: p="):
        StochNorm(p=p)
