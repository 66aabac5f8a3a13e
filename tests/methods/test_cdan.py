import keras
import numpy as np
import pytest

from tlkeras.methods import CDAN
from tlkeras.testing import Case, common, spurious_feature, toy_accuracy
from tlkeras.transfer import TransferModel

RNG = np.random.default_rng(0)
STRENGTH, RATE = 0.3, 0.5


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def certainty(p):
    return 1 + np.exp((p * np.log(p)).sum(axis=1))


def term(encoder, head, critic, xs, xt, held, entropy):
    """The value in NumPy; `held` is the point at which what carries no gradient is taken."""
    (held_encoder, held_head), rows, parts = held, [], []
    for x, sign in ((xs, -1), (xt, 1)):
        fixed = softmax(x @ held_encoder @ held_head)
        z = np.array([np.outer(f, p).ravel() @ critic for f, p in zip(x @ encoder, fixed, strict=True)])
        rows.append(np.log1p(np.exp(sign * z[:, 0])))
        parts.append(certainty(softmax(x @ encoder @ head)) / certainty(fixed).mean() if entropy else np.ones(len(x)))
    return np.mean(np.concatenate(rows) * np.concatenate(parts))


def slope(function, at):
    gradient = np.zeros_like(at)
    for index in np.ndindex(at.shape):
        step = np.zeros_like(at)
        step[index] = 1e-5
        gradient[index] = (function(at + step) - function(at - step)) / 2e-5
    return gradient


@pytest.mark.parametrize("entropy", [False, True])
def test_one_step_equals_the_hand_derivation(entropy):
    """Value and update of critic, encoder and head: the critic descends, the model climbs at `strength`."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    features = keras.layers.Dense(2, use_bias=False, name="features")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, use_bias=False, name="logits")(features))
    method = CDAN(strength=STRENGTH, hidden=(), entropy=entropy)
    transfer = TransferModel(model, [method])
    common.compile_model(transfer, learning_rate=RATE)
    xs, xt = RNG.normal(size=(5, 3)).astype("float32"), RNG.normal(size=(7, 3)).astype("float32")
    layers = [model.get_layer("features"), model.get_layer("logits"), method.critic.blocks[-1]]
    encoder, head, critic = (layer.get_weights()[0].astype("float64") for layer in layers)
    rest = (xs, xt, (encoder, head), entropy)

    expected = [
        encoder + RATE * STRENGTH * slope(lambda w: term(w, head, critic, *rest), encoder),
        head + RATE * STRENGTH * slope(lambda w: term(encoder, w, critic, *rest), head),
        critic - RATE * slope(lambda w: term(encoder, head, w, *rest), critic),
    ]

    logs = transfer.train_on_batch(
        {"source": xs, "target": xt}, {"source": np.zeros(5, int)}, {"source": np.zeros(5)}, return_dict=True
    )
    np.testing.assert_allclose(logs["cdan"], term(encoder, head, critic, *rest), rtol=1e-5)
    for layer, weights in zip(layers, expected, strict=True):
        np.testing.assert_allclose(layer.get_weights()[0], weights, atol=1e-5)
    assert np.array_equal(layers[1].get_weights()[0].astype("float64"), head) != entropy


def test_a_wide_product_is_projected_at_random_and_the_projection_is_saved(tmp_path):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    features = keras.layers.Dense(2049, name="features")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(features))
    transfer = TransferModel(model, [CDAN(hidden=(4,), strength=1.0)])
    common.compile_model(transfer, learning_rate=0.01)
    [method] = transfer.methods
    assert method.critic.blocks[0].kernel.shape[0] == 1024
    views = {name: RNG.normal(size=(6, 4)).astype("float32") for name in ("source", "target")}
    drawn = method.joined.get_weights()
    assert np.isfinite(common.train(transfer, [(views, {"source": np.array([0, 1] * 3)})] * 2)).all()
    transfer.save(tmp_path / "m.keras")
    restored = keras.models.load_model(tmp_path / "m.keras").methods[0].joined.get_weights()
    for one, two, three in zip(drawn, method.joined.get_weights(), restored, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)


@pytest.mark.parametrize("entropy", [False, True])
def test_solves_a_toy_that_source_only_does_not(entropy):
    domains = spurious_feature()
    source_only = toy_accuracy(domains, [])
    assert source_only < 0.65
    assert toy_accuracy(domains, [CDAN(strength=1.0, hidden=(16,), entropy=entropy)]) >= source_only + 0.12


@pytest.mark.parametrize("rows", [(1, 1), (6, 2)])
def test_small_and_unequal_batches_are_finite(rows):
    transfer = Case(CDAN, {"hidden": (8,), "entropy": True}).transfer()
    views = {
        view: RNG.normal(size=(n, 4)).astype("float32") for view, n in zip(("source", "target"), rows, strict=True)
    }
    assert np.isfinite(common.train(transfer, [(views, {"source": np.zeros(rows[0], int)})] * 2)).all()


def test_bad_taps_are_refused():
    inputs = keras.Input((5, 4))
    features = keras.layers.Dense(3, name="features")(inputs)
    pooled = keras.layers.GlobalAveragePooling1D()(features)
    model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(pooled))
    with pytest.raises(ValueError, match="`features` must have rank 2"):
        TransferModel(model, [CDAN()])
    regressor = keras.Model(inputs, keras.layers.Dense(1, name="logits")(pooled))
    with pytest.raises(ValueError, match="`logits` must have at least 2 classes"):
        TransferModel(regressor, [CDAN()])


def test_a_wrong_strength_is_refused():
    with pytest.raises(ValueError, match="`strength` must be a number >= 0 or a schedule"):
        CDAN(strength=-1.0)
