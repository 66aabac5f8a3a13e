import pathlib

import keras
import numpy as np
import pytest

from tlkeras.methods import L2SP
from tlkeras.testing import common, few_labels, fine_tuned_accuracy
from tlkeras.transfer import TransferModel

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(16, 4)).astype("float32"), RNG.integers(0, 3, 16)
SILENT = np.zeros(16)


def started(batch_norm=False, **arguments):
    keras.utils.set_random_seed(0)
    transfer = TransferModel(common.small_model(batch_norm), [L2SP(**arguments)])
    common.compile_model(transfer, learning_rate=0.5)
    return transfer


def test_one_step_equals_the_hand_derivation():
    """The term's own gradients: alpha (w - w0) below, beta v above, nothing on biases."""
    transfer = started(alpha=0.3, beta=0.2)
    features, logits = (transfer.model.get_layer(name) for name in ("features", "logits"))
    w0, bias0 = (array.copy() for array in features.get_weights())
    w = w0 + RNG.normal(size=w0.shape).astype("float32")
    features.set_weights([w, bias0 + 1])
    v, b = (array.copy() for array in logits.get_weights())
    b = b + 1
    logits.set_weights([v, b])

    logs = transfer.train_on_batch(X, Y, sample_weight=SILENT, return_dict=True)
    expected = 0.15 * ((w - w0) ** 2).sum() + 0.1 * (v**2).sum()
    np.testing.assert_allclose(logs["l2sp"], expected, rtol=1e-5)
    np.testing.assert_allclose(features.get_weights()[0], w - 0.5 * 0.3 * (w - w0), atol=1e-6)
    np.testing.assert_allclose(logits.get_weights()[0], v - 0.5 * 0.2 * v, atol=1e-6)
    np.testing.assert_array_equal(features.get_weights()[1], bias0 + 1)
    np.testing.assert_array_equal(logits.get_weights()[1], b)


def test_frozen_weights_count_nothing_and_may_be_unfrozen_later():
    transfer = started(alpha=1.0, beta=0.0)
    features = transfer.model.get_layer("features")
    features.trainable = False
    features.set_weights([features.get_weights()[0] + 1, features.get_weights()[1]])
    common.compile_model(transfer, learning_rate=0.0)
    assert transfer.train_on_batch(X, Y, return_dict=True)["l2sp"] == 0
    features.trainable = True
    common.compile_model(transfer, learning_rate=0.0)
    np.testing.assert_allclose(transfer.train_on_batch(X, Y, return_dict=True)["l2sp"], 0.5 * 4 * 8, rtol=1e-5)


def test_a_resumed_run_keeps_its_starting_point(tmp_path):
    transfer = started(alpha=1.0, beta=0.0)
    start = transfer.model.get_layer("features").get_weights()[0]
    common.train(transfer, [(X, Y)] * 3)
    transfer.save(tmp_path / "t.keras")
    restored = keras.models.load_model(tmp_path / "t.keras")
    np.testing.assert_array_equal(restored.methods[0].get_weights()[0], start)
    assert not np.array_equal(restored.model.get_layer("features").get_weights()[0], start)


def test_the_starting_point_of_normalisation_is_not_held():
    assert len(started(batch_norm=True).methods[0].weights) == 1


@pytest.mark.exhaustive
def test_solves_a_toy_by_keeping_what_plain_fine_tuning_forgets():
    tasks = few_labels()
    plain = fine_tuned_accuracy(tasks, lambda pretrained: [])
    assert plain < 0.87
    assert fine_tuned_accuracy(tasks, lambda pretrained: [L2SP(alpha=1.0)]) >= plain + 0.06


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a SavedModel runs under TensorFlow")
def test_the_variables_of_a_hub_layer_count(tmp_path):
    from tlkeras.backbones import from_hub
    from tlkeras.surgery import classifier

    glyphs = pathlib.Path(__file__).parents[2] / "saved_models" / "glyphs"
    model = classifier(from_hub(glyphs, trainable=True), 3)
    transfer = TransferModel(model, [L2SP(alpha=1.0, beta=0.0)])
    common.compile_model(transfer, learning_rate=0.0)
    shape = (4, *model.input.shape[1:])
    images = RNG.uniform(0, 255, shape).astype("float32")
    assert transfer.train_on_batch(images, Y[:4], return_dict=True)["l2sp"] == 0
    kernel = next(v for v in model.trainable_variables if len(v.shape) >= 2)
    kernel.assign(kernel + 1.0)
    np.testing.assert_allclose(
        transfer.train_on_batch(images, Y[:4], return_dict=True)["l2sp"], 0.5 * np.prod(kernel.shape), rtol=1e-4
    )
    transfer.save(tmp_path / "t.keras")
    restored = keras.models.load_model(tmp_path / "t.keras")
    np.testing.assert_array_equal(*(m.train_on_batch(images, Y[:4]) for m in (transfer, restored)))


@pytest.mark.parametrize("arguments", [{"alpha": -1.0}, {"beta": "1"}])
def test_a_wrong_strength_is_refused(arguments):
    with pytest.raises(ValueError, match="must be a number >= 0. Received"):
        L2SP(**arguments)


def test_a_model_without_features_is_told_its_layers():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(3, name="scores")(inputs))
    with pytest.raises(ValueError, match="reads `tap=None`.*Received: layers.*scores"):
        TransferModel(model, [L2SP()])
