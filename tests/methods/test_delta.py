import pathlib

import keras
import numpy as np
import pytest

from tlkeras.methods import DELTA
from tlkeras.testing import common, few_labels, fine_tuned_accuracy
from tlkeras.transfer import TransferModel

RNG = np.random.default_rng(0)


def linear(**arguments):
    """Two linear layers and a head, all taps linear, so that gradients are matrix products."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    low = keras.layers.Dense(3, use_bias=False, name="low")(inputs)
    features = keras.layers.Dense(2, use_bias=False, name="features")(low)
    transfer = TransferModel(
        keras.Model(inputs, keras.layers.Dense(3, use_bias=False, name="logits")(features)), [DELTA(**arguments)]
    )
    common.compile_model(transfer, learning_rate=0.1)
    return transfer


def test_one_step_equals_the_hand_derivation():
    attention = {"low": [0.2, 0.5, 0.3], "features": [0.9, 0.1]}
    transfer = linear(taps=("low", "features"), attention=attention, beta=0.2)
    low, features, logits = (transfer.model.get_layer(name) for name in ("low", "features", "logits"))
    a0, b0, c = (layer.get_weights()[0] for layer in (low, features, logits))
    a, b = (w + RNG.normal(size=w.shape).astype("float32") for w in (a0, b0))
    low.set_weights([a])
    features.set_weights([b])
    x = RNG.normal(size=(5, 4)).astype("float32")

    below, above = x @ a - x @ a0, x @ a @ b - x @ a0 @ b0
    w_below, w_above = 3 * np.array(attention["low"]), 2 * np.array(attention["features"])
    term = 0.5 * ((below**2 @ w_below).mean() + (above**2 @ w_above).mean()) + 0.1 * (c**2).sum()
    g_above = above * w_above / 5
    g_below = below * w_below / 5 + g_above @ b.T

    logs = transfer.train_on_batch(x, np.zeros(5, int), sample_weight=np.zeros(5), return_dict=True)
    np.testing.assert_allclose(logs["delta"], term, rtol=1e-5)
    np.testing.assert_allclose(features.get_weights()[0], b - 0.1 * (x @ a).T @ g_above, atol=1e-5)
    np.testing.assert_allclose(low.get_weights()[0], a - 0.1 * x.T @ g_below, atol=1e-5)
    np.testing.assert_allclose(logits.get_weights()[0], c - 0.1 * 0.2 * c, atol=1e-6)
    np.testing.assert_array_equal(transfer.methods[0].start.get_weights()[0], a0)


def test_the_copy_is_kept_by_a_resumed_run(tmp_path):
    transfer = linear()
    start = transfer.methods[0].start.get_weights()
    x, y = RNG.normal(size=(8, 4)).astype("float32"), RNG.integers(0, 3, 8)
    common.train(transfer, [(x, y)] * 3)
    transfer.save(tmp_path / "t.keras")
    restored = keras.models.load_model(tmp_path / "t.keras")
    for kept, expected in zip(restored.methods[0].start.get_weights(), start, strict=True):
        np.testing.assert_array_equal(kept, expected)


def test_maps_of_a_convolution_are_held_too():
    inputs = keras.Input((4, 4, 1))
    maps = keras.layers.Conv2D(2, 3, name="maps")(inputs)
    pooled = keras.layers.GlobalAveragePooling2D(name="features")(maps)
    model = keras.Model(inputs, keras.layers.Dense(3, name="logits")(pooled))
    transfer = TransferModel(model, [DELTA(taps=("maps",), beta=0.0)])
    common.compile_model(transfer, learning_rate=0.0)
    x, y = RNG.normal(size=(5, 4, 4, 1)).astype("float32"), np.zeros(5, int)
    assert transfer.train_on_batch(x, y, return_dict=True)["delta"] == 0
    model.get_layer("maps").bias.assign([1.0, 3.0])
    transfer.reset_metrics()
    np.testing.assert_allclose(transfer.train_on_batch(x, y, return_dict=True)["delta"], 0.5 * (1 + 9), rtol=1e-5)


def test_training_moves_no_statistic_of_the_copy():
    transfer = TransferModel(common.small_model(batch_norm=True), [DELTA(taps=("norm",))])
    common.compile_model(transfer)
    before = common.values(transfer.methods[0].start.variables)
    x = RNG.normal(3, 2, (8, 4)).astype("float32")
    common.train(transfer, [(x, np.zeros(8, int))] * 2)
    assert not common.changed(before, common.values(transfer.methods[0].start.variables))


@pytest.mark.exhaustive
def test_solves_a_toy_by_keeping_what_plain_fine_tuning_forgets():
    tasks = few_labels()
    plain = fine_tuned_accuracy(tasks, lambda pretrained: [])
    assert plain < 0.87
    assert fine_tuned_accuracy(tasks, lambda pretrained: [DELTA(weight=1.0)]) >= plain + 0.06


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a SavedModel runs under TensorFlow")
def test_a_hub_backbone_is_copied_and_resumes(tmp_path):
    from tlkeras.backbones import from_hub
    from tlkeras.surgery import classifier

    glyphs = pathlib.Path(__file__).parents[2] / "saved_models" / "glyphs"
    transfer = TransferModel(classifier(from_hub(glyphs, trainable=True), 3), [DELTA(beta=0.0, weight=0.1)])
    common.compile_model(transfer, learning_rate=1e-3)
    images = RNG.uniform(0, 255, (4, *transfer.model.input.shape[1:])).astype("float32")
    batches = [(images, np.array([0, 1, 2, 0]))] * 2
    common.train(transfer, batches)
    assert not any(variable.trainable for variable in transfer.methods[0].variables)
    transfer.save(tmp_path / "t.keras")
    restored = keras.models.load_model(tmp_path / "t.keras")
    np.testing.assert_allclose(common.train(restored, batches), common.train(transfer, batches), rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"taps": "features"}, "`taps` must be a sequence of layer names. Received: taps='features'"),
        ({"beta": -1}, "`beta` must be a number >= 0. Received: beta=-1"),
        ({"attention": {"low": [1.0]}}, "one list for each of `taps`, \\['features'\\]. Received: \\['low'\\]"),
        ({"attention": {"features": [0.5, 0.6]}}, "sum to 1. Received: 2 numbers, sum 1.1"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        DELTA(**arguments)


def test_what_does_not_fit_the_model_is_refused():
    with pytest.raises(ValueError, match="one number a channel, 8. Received: 2 numbers"):
        TransferModel(common.small_model(), [DELTA(attention={"features": [0.5, 0.5]})])
    with pytest.raises(ValueError, match="`tap='maps'`.*Received: layers"):
        TransferModel(common.small_model(), [DELTA(taps=("maps",))])
