import keras
import numpy as np
import pytest

from tlkeras.methods import delta_attention
from tlkeras.testing import common

RNG = np.random.default_rng(0)


def test_attention_equals_the_definition():
    """The head alone in NumPy: zero one feature, measure the cross entropy, standardise, divide by 5, softmax."""
    keras.utils.set_random_seed(0)
    model = common.small_model()
    x, y = RNG.normal(size=(10, 4)).astype("float32"), RNG.integers(0, 3, 10)
    (w, b), (v, c) = (model.get_layer(name).get_weights() for name in ("features", "logits"))
    features = np.tanh(x @ w + b)

    def loss(features):
        z = features @ v + c
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        return -np.log(p[np.arange(10), y]).mean()

    rises = np.array([loss(features * (np.arange(8) != channel)) - loss(features) for channel in range(8)])
    powers = np.exp((rises - rises.mean()) / rises.std() / 5)
    received = delta_attention(model, x, y, batch_size=4)
    assert list(received) == ["features"]
    np.testing.assert_allclose(received["features"], powers / powers.sum(), rtol=1e-4)


def test_channels_of_a_map_are_silenced_whole():
    inputs = keras.Input((4, 4, 1))
    maps = keras.layers.Conv2D(3, 3, name="maps")(inputs)
    logits = keras.layers.Dense(2, name="logits")(keras.layers.GlobalAveragePooling2D()(maps))
    model = keras.Model(inputs, logits)
    kernel = np.zeros((3, 2))
    kernel[1, 0] = 5.0  # only channel 1 speaks, for class 0
    model.get_layer("logits").set_weights([kernel, np.zeros(2)])
    model.get_layer("maps").set_weights([np.full((3, 3, 1, 3), 0.1), np.ones(3)])
    attention = delta_attention(model, np.ones((4, 4, 4, 1)), np.zeros(4, int), taps=("maps",))["maps"]
    assert np.argmax(attention) == 1 and attention[0] == attention[2] < attention[1]


def test_a_tap_that_does_not_split_the_model_is_refused():
    inputs = keras.Input((4,))
    side = keras.layers.Dense(4, name="side")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Add()([inputs, side])))
    with pytest.raises(ValueError, match="through which everything passes.*Received: 'side'"):
        delta_attention(model, np.ones((4, 4)), np.zeros(4, int), taps=("side",))


def test_labels_of_another_length_are_refused():
    with pytest.raises(ValueError, match="Received: 4 rows, labels of shape \\(3,\\)"):
        delta_attention(common.small_model(), np.ones((4, 4)), np.zeros(3, int))
