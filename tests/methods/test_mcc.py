import keras
import numpy as np
import pytest

from tlkeras.methods import MCC
from tlkeras.testing import shifted_clusters, toy_accuracy
from tlkeras.transfer import TransferModel


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def confusion(logits, weights, temperature):
    p = softmax(logits / temperature)
    c = sum(w * np.outer(row, row) for w, row in zip(weights, p, strict=True))
    c = c / c.sum(axis=1, keepdims=True)
    return (c.sum() - np.trace(c)) / logits.shape[1]


def test_one_step_equals_the_hand_derivation():
    """The value in NumPy row by row, and its gradient by central differences with the weights held fixed."""
    keras.utils.set_random_seed(0)
    temperature = 2.0
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(3, use_bias=False, name="logits")(inputs))
    transfer = TransferModel(model, [MCC(temperature=temperature)])
    transfer.compile(keras.optimizers.SGD(1.0), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    xt = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    kernel = np.array(model.get_layer("logits").kernel, dtype="float64")

    p = softmax(xt @ kernel / temperature)
    weights = 1 + np.exp((p * np.log(p)).sum(axis=1))
    weights = len(p) * weights / weights.sum()
    gradient = np.zeros_like(kernel)
    for index in np.ndindex(kernel.shape):
        step = np.zeros_like(kernel)
        step[index] = 1e-4
        above, below = (confusion(xt @ k, weights, temperature) for k in (kernel + step, kernel - step))
        gradient[index] = (above - below) / 2e-4

    logs = transfer.train_on_batch(
        {"source": xt, "target": xt}, {"source": np.zeros(5, int)}, {"source": np.zeros(5)}, return_dict=True
    )
    np.testing.assert_allclose(logs["mcc"], confusion(xt @ kernel, weights, temperature), rtol=1e-5)
    np.testing.assert_allclose(np.array(model.get_layer("logits").kernel), kernel - gradient, atol=1e-4)


def test_solves_a_toy_that_source_only_does_not():
    domains = shifted_clusters()
    source_only = toy_accuracy(domains, [])
    assert source_only < 0.9
    assert toy_accuracy(domains, [MCC()]) >= source_only + 0.08


def test_a_model_without_logits_is_told_its_layers():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(3, name="scores")(inputs))
    with pytest.raises(ValueError, match="reads `tap=None`.*Received: layers.*scores"):
        TransferModel(model, [MCC()])


@pytest.mark.parametrize("temperature", [0.0, -1.0])
def test_a_wrong_temperature_is_refused(temperature):
    with pytest.raises(ValueError, match="`temperature` must be > 0"):
        MCC(temperature=temperature)
