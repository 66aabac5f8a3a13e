import keras
import numpy as np
import pytest

from tlkeras.data import pair
from tlkeras.methods import ADDA
from tlkeras.testing import common, shifted_clusters
from tlkeras.transfer import TransferModel

RNG = np.random.default_rng(0)
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softplus(z):
    return np.log1p(np.exp(z))


def linear_model():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    features = keras.layers.Dense(2, use_bias=False, name="features")(inputs)
    return keras.Model(inputs, keras.layers.Dense(2, name="logits")(features))


def test_two_steps_equal_the_hand_derivation():
    """The critic learns from the frozen copy's source and the target; the encoder from inverted target labels."""
    strength, rate = 0.3, 0.5
    model = linear_model()
    method = ADDA(strength=strength, hidden=())
    transfer = TransferModel(model, [method])
    common.compile_model(transfer, learning_rate=rate)
    layers = [model.get_layer("features"), method.critic.blocks[-1]]
    start = layers[0].get_weights()[0]
    for _ in range(2):
        xs, xt = RNG.normal(size=(5, 3)).astype("float32"), RNG.normal(size=(7, 3)).astype("float32")
        (encoder,), (critic, bias) = (layer.get_weights() for layer in layers)
        features = np.concatenate([xs @ start, xt @ encoder])
        domain = np.concatenate([np.ones(5), np.zeros(7)])
        z = (features @ critic)[:, 0] + bias
        judged = z[5:]
        term = np.mean(softplus(np.where(domain == 1, -z, z))) + strength * np.mean(softplus(-judged))
        error = ((sigmoid(z) - domain) / 12)[:, None]
        inverted = ((sigmoid(judged) - 1) / 7)[:, None]
        transfer.reset_metrics()
        logs = transfer.train_on_batch(
            {"source": xs, "target": xt}, {"source": np.zeros(5, int)}, {"source": np.zeros(5)}, return_dict=True
        )
        np.testing.assert_allclose(logs["adda"], term, rtol=1e-5)
        expected = encoder - rate * strength * xt.T @ inverted @ critic.T, critic - rate * features.T @ error
        for layer, weights in zip(layers, expected, strict=True):
            np.testing.assert_allclose(layer.get_weights()[0], weights, atol=1e-6)
        np.testing.assert_array_equal(method.source_encoder.get_weights()[0], start)


def test_a_loaded_model_keeps_the_copy_it_was_made_with(tmp_path):
    transfer = TransferModel(linear_model(), [ADDA(hidden=(4,))])
    common.compile_model(transfer)
    start = transfer.methods[0].source_encoder.get_weights()[0]
    views = {name: RNG.normal(size=(6, 3)).astype("float32") for name in ("source", "target")}
    transfer.train_on_batch(views, np.zeros(6, int))
    transfer.save(tmp_path / "m.keras")
    restored = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(restored.methods[0].source_encoder.get_weights()[0], start)
    assert not np.array_equal(restored.model.get_layer("features").get_weights()[0], start)


@pytest.mark.exhaustive
def test_a_source_model_adapts_without_labels_on_a_toy():
    """The paper's two stages: the classifier is frozen, and the second stage sees no label."""
    source, labels, target, target_labels = shifted_clusters()
    keras.utils.set_random_seed(0)
    entry = keras.Input((2,))
    features = keras.layers.Dense(16, activation="relu", name="features")(entry)
    model = keras.Model(entry, keras.layers.Dense(3, name="logits")(features))
    model.compile(keras.optimizers.Adam(0.01), LOSS, metrics=["accuracy"])
    model.fit(source, labels, epochs=30, batch_size=50, verbose=0)
    source_only = model.evaluate(target, target_labels, verbose=0)[1]
    assert source_only < 0.9

    model.get_layer("logits").trainable = False
    head = model.get_layer("logits").get_weights()
    transfer = TransferModel(model, [ADDA(hidden=(16,))])
    transfer.compile(keras.optimizers.Adam(0.003), LOSS, jit_compile=True)
    views = [batch for batch, _ in pair((source, labels), target, batch_size=50)]
    for _ in range(30):
        for batch in views:
            transfer.train_on_batch(batch)
    adapted = (model.predict(target, verbose=0).argmax(axis=1) == target_labels).mean()
    assert adapted >= source_only + 0.08
    for before, after in zip(head, model.get_layer("logits").get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("rows", [(1, 1), (6, 2)])
def test_small_and_unequal_batches_are_finite(rows):
    transfer = TransferModel(linear_model(), [ADDA(hidden=(4,))])
    common.compile_model(transfer)
    views = {
        view: RNG.normal(size=(n, 3)).astype("float32") for view, n in zip(("source", "target"), rows, strict=True)
    }
    assert np.isfinite(common.train(transfer, [(views, {"source": np.zeros(rows[0], int)})] * 2)).all()


def test_a_tap_of_another_rank_and_a_wrong_strength_are_refused():
    inputs = keras.Input((5, 4))
    features = keras.layers.Dense(3, name="features")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(features))
    with pytest.raises(ValueError, match="`features` must have rank 2"):
        TransferModel(model, [ADDA()])
    with pytest.raises(ValueError, match="`strength` must be a number >= 0 or a schedule"):
        ADDA(strength=-1.0)
