import keras
import numpy as np
import pytest

from tlkeras.methods import MDD
from tlkeras.testing import Case, common, spurious_feature, toy_accuracy
from tlkeras.transfer import DANNRamp, TransferModel

RNG = np.random.default_rng(0)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def test_one_step_equals_the_hand_derivation():
    """A linear encoder and a linear adversary: gradients in NumPy; the encoder's is reversed and scaled."""
    keras.utils.set_random_seed(0)
    margin, strength, rate = 3.0, 0.3, 0.2
    inputs = keras.Input((3,))
    features = keras.layers.Dense(2, use_bias=False, name="features")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, use_bias=False, name="logits")(features))
    method = MDD(margin=margin, strength=strength, hidden=())
    transfer = TransferModel(model, [method])
    common.compile_model(transfer, learning_rate=rate)
    xs, xt = RNG.normal(size=(5, 3)).astype("float32"), RNG.normal(size=(7, 3)).astype("float32")
    layers = [model.get_layer("features"), model.get_layer("logits"), method.adversary.layers[-1]]
    encoder, head, adversary = (layer.get_weights()[0].astype("float64") for layer in layers)

    p, q = softmax(xs @ encoder @ adversary), softmax(xt @ encoder @ adversary)
    own, other = (np.eye(3)[(x @ encoder @ head).argmax(axis=1)] for x in (xs, xt))
    chance = (q * other).sum(axis=1, keepdims=True)
    term = margin * np.mean(-np.log((p * own).sum(axis=1))) + np.mean(-np.log(1 - chance))
    # d(-log(1 - q_y))/dz = q_y / (1 - q_y) (e_y - q)
    errors = np.concatenate([margin * (p - own) / 5, chance / (1 - chance) * (other - q) / 7])
    x = np.concatenate([xs, xt])
    expected = [
        encoder + rate * strength * x.T @ errors @ adversary.T,
        head,
        adversary - rate * (x @ encoder).T @ errors,
    ]

    logs = transfer.train_on_batch(
        {"source": xs, "target": xt}, {"source": np.zeros(5, int)}, {"source": np.zeros(5)}, return_dict=True
    )
    np.testing.assert_allclose(logs["mdd"], term, rtol=1e-5)
    for layer, weights in zip(layers, expected, strict=True):
        np.testing.assert_allclose(layer.get_weights()[0], weights, atol=1e-5)


def test_the_adversary_has_its_hidden_layers_and_the_classes_of_the_model():
    [method] = Case(MDD, {"hidden": (6, 5)}).transfer(compiled=False).methods
    assert [tuple(v.shape) for v in method.adversary.weights] == [(8, 6), (6,), (6, 5), (5,), (5, 3), (3,)]


def test_strength_rises_to_a_tenth():
    strength = MDD().strength
    for step in (0, 500, 3000):
        np.testing.assert_allclose(float(strength(step)), 0.2 / (1 + np.exp(-step / 1000)) - 0.1, atol=1e-6)


def test_solves_a_toy_that_source_only_does_not():
    domains = spurious_feature()
    source_only = toy_accuracy(domains, [])
    assert source_only < 0.65
    method = MDD(strength=DANNRamp(steps=720, high=0.3, gamma=5.0), hidden=(16,))
    assert toy_accuracy(domains, [method]) >= source_only + 0.1


@pytest.mark.parametrize("rows", [(1, 1), (6, 2)])
def test_small_and_unequal_batches_are_finite(rows):
    transfer = Case(MDD, {"hidden": (8,)}).transfer()
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
        TransferModel(model, [MDD()])
    regressor = keras.Model(inputs, keras.layers.Dense(1, name="logits")(pooled))
    with pytest.raises(ValueError, match="`logits` must have at least 2 classes"):
        TransferModel(regressor, [MDD()])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"margin": 0}, "`margin` must be > 0. Received: margin=0"),
        ({"strength": -1.0}, "`strength` must be a number >= 0 or a schedule"),
        ({"hidden": (0,)}, "`hidden` must hold positive integers"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        MDD(**arguments)
