import keras
import numpy as np
import pytest

from tlkeras.data import pair
from tlkeras.methods import MDAN
from tlkeras.testing import Case, common, spurious_feature
from tlkeras.transfer import TransferModel

RNG = np.random.default_rng(0)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def test_one_step_equals_the_hand_derivation():
    """Linear encoder, two linear critics: each moves by its source's share, the encoder by the reversed sum."""
    keras.utils.set_random_seed(0)
    strength, rate, sharpness = 0.3, 0.5, 4.0
    inputs = keras.Input((3,))
    features = keras.layers.Dense(2, use_bias=False, name="features")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(features))
    method = MDAN(strength=strength, hidden=(), sharpness=sharpness)
    transfer = TransferModel(model, [method])
    common.compile_model(transfer, learning_rate=rate)
    views = {
        view: RNG.normal(shift, 1.0, size=(rows, 3)).astype("float32")
        for view, shift, rows in (("source", 2, 5), ("source_2", 0, 6), ("target", 0, 7))
    }
    layers = [critic.blocks[-1] for critic in method.critics]
    encoder = model.get_layer("features").get_weights()[0]
    critics = [layer.get_weights()[0] for layer in layers]

    losses, of_critics, of_encoder = [], [], []
    for view, critic in zip(("source", "source_2"), critics, strict=True):
        x = np.concatenate([views[view], views["target"]])
        domain = np.concatenate([np.ones(len(views[view])), np.zeros(7)])
        z = (x @ encoder @ critic)[:, 0]
        losses.append(-np.mean(domain * np.log(sigmoid(z)) + (1 - domain) * np.log(1 - sigmoid(z))))
        error = ((sigmoid(z) - domain) / len(x))[:, None]
        of_critics.append((x @ encoder).T @ error)
        of_encoder.append(x.T @ error @ critic.T)
    raised = np.exp(-sharpness * np.array(losses))
    shares = raised / raised.sum()
    assert abs(losses[0] - losses[1]) > 0.05

    logs = transfer.train_on_batch(views, {"source": np.zeros(5, int)}, {"source": np.zeros(5)}, return_dict=True)
    np.testing.assert_allclose(logs["mdan"], -np.log(raised.mean()) / sharpness, rtol=1e-5)
    for layer, critic, share, gradient in zip(layers, critics, shares, of_critics, strict=True):
        np.testing.assert_allclose(layer.get_weights()[0], critic - rate * share * gradient, atol=1e-6)
    ascent = sum(share * gradient for share, gradient in zip(shares, of_encoder, strict=True))
    received = model.get_layer("features").get_weights()[0]
    np.testing.assert_allclose(received, encoder + rate * strength * ascent, atol=1e-6)


def accuracy(domains, second, methods):
    """Target accuracy after training on two labelled sources; without a method on both as one."""
    inputs, labels, target, target_labels = domains
    keras.utils.set_random_seed(0)
    entry = keras.Input((2,))
    features = keras.layers.Dense(16, activation="relu", name="features")(entry)
    model = keras.Model(entry, keras.layers.Dense(2, name="logits")(features))
    transfer = TransferModel(model, methods)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    transfer.compile(keras.optimizers.Adam(0.01), loss, jit_compile=True)
    both = {"source": (inputs, labels), "source_2": second}
    if not methods:
        both = {"source": tuple(np.concatenate(parts) for parts in zip(*both.values(), strict=True))}
    batches = pair(both, target, batch_size=50 if methods else 100, steps=12)
    transfer.fit(batches, epochs=30, verbose=0, shuffle=False)
    return (model.predict(target, verbose=0).argmax(axis=1) == target_labels).mean()


@pytest.mark.exhaustive
def test_solves_a_toy_that_both_sources_together_do_not():
    domains, second = spurious_feature(), spurious_feature(seed=1)[:2]
    sources_only = accuracy(domains, second, [])
    assert sources_only < 0.65
    assert accuracy(domains, second, [MDAN(strength=1.0, hidden=(16,))]) >= sources_only + 0.1


def test_three_sources_of_different_sizes_and_single_rows_are_finite():
    transfer = Case(MDAN, {"sources": 3, "hidden": (8,)}).transfer()
    views = {
        view: RNG.normal(size=(rows, 4)).astype("float32")
        for view, rows in zip(("source", "source_2", "source_3", "target"), (6, 1, 3, 2), strict=True)
    }
    labels = {"source": np.zeros(6, int), "source_2": np.zeros(1, int)}
    assert np.isfinite(common.train(transfer, [(views, labels)] * 2)).all()


def test_a_missing_source_is_named():
    transfer = Case(MDAN, {"sources": 3}).transfer()
    views = {view: np.ones((4, 4), "float32") for view in ("source", "source_2", "target")}
    with pytest.raises(ValueError, match="lacks the views \\['source_3'\\] that \\['mdan'\\] read"):
        transfer.train_on_batch(views, np.zeros(4, int))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sources": 1}, "`sources` must be an integer >= 2; one source is DANN. Received: sources=1"),
        ({"sharpness": 0}, "`sharpness` must be > 0. Received: sharpness=0"),
        ({"strength": -1.0}, "`strength` must be a number >= 0 or a schedule"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        MDAN(**arguments)


def test_a_tap_of_another_rank_is_refused():
    inputs = keras.Input((5, 4))
    features = keras.layers.Dense(3, name="features")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(features))
    with pytest.raises(ValueError, match="`features` must have rank 2"):
        TransferModel(model, [MDAN()])
