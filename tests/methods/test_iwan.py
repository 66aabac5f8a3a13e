import keras
import numpy as np
import pytest

from tlkeras.methods import DANN, IWAN
from tlkeras.testing import Case, common, drawn_in_classes, toy_accuracy
from tlkeras.transfer import DANNRamp, TransferModel

RNG = np.random.default_rng(0)
STRENGTH, RATE = 0.3, 0.5


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def test_one_step_equals_the_hand_derivation():
    """Value and update of encoder and critic, by weighed rows, and of the weigher, by equal ones."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    features = keras.layers.Dense(2, use_bias=False, name="features")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, use_bias=False, name="logits")(features))
    method = IWAN(strength=STRENGTH, hidden=())
    transfer = TransferModel(model, [method])
    common.compile_model(transfer, learning_rate=RATE)
    method.weigher.blocks[-1].kernel.assign([[1.5], [-1.0]])
    xs, xt = RNG.normal(size=(5, 3)).astype("float32"), RNG.normal(1, 1, size=(7, 3)).astype("float32")
    layers = [*(model.get_layer(name) for name in ("features", "logits")), method.critic.blocks[-1]]
    encoder, head, critic = (layer.get_weights()[0].astype("float64") for layer in layers)
    weigher = np.array([[1.5], [-1.0]])

    x, domain = np.concatenate([xs, xt]), np.concatenate([np.ones(5), np.zeros(7)])
    v, z = (x @ encoder @ weigher)[:, 0], (x @ encoder @ critic)[:, 0]
    likeness = 1 - sigmoid(v[:5])
    weights = np.concatenate([likeness / likeness.mean(), np.ones(7)])
    assert np.ptp(weights) > 0.3
    surprise = [-domain * np.log(sigmoid(of)) - (1 - domain) * np.log(1 - sigmoid(of)) for of in (z, v)]
    error, own_error = (weights * (sigmoid(z) - domain) / 12)[:, None], ((sigmoid(v) - domain) / 12)[:, None]
    expected = [
        encoder + RATE * STRENGTH * x.T @ error @ critic.T,
        head,
        critic - RATE * (x @ encoder).T @ error,
        weigher - RATE * (x @ encoder).T @ own_error,
    ]

    logs = transfer.train_on_batch(
        {"source": xs, "target": xt}, {"source": np.zeros(5, int)}, {"source": np.zeros(5)}, return_dict=True
    )
    np.testing.assert_allclose(logs["iwan"], np.mean(weights * surprise[0]) + np.mean(surprise[1]), rtol=1e-5)
    for layer, value in zip([*layers, method.weigher.blocks[-1]], expected, strict=True):
        np.testing.assert_allclose(layer.get_weights()[0], value, atol=1e-5)


@pytest.mark.exhaustive
def test_holds_a_toy_with_a_third_of_the_classes_that_dann_loses():
    """Seen with seeds 0, 1, 2: source only 83, 84, 84 %, DANN 49, 81, 64, IWAN 80, 83, 82."""
    domains, strength = drawn_in_classes(), DANNRamp(steps=1080, high=3.0)
    source_only = toy_accuracy(domains, [])
    keras.utils.set_random_seed(0)  # a critic draws its seed when it is made
    dann = toy_accuracy(domains, [DANN(strength=strength, hidden=(16,))])
    keras.utils.set_random_seed(0)
    iwan = toy_accuracy(domains, [IWAN(strength=strength, hidden=(16,))])
    assert dann < source_only - 0.1
    assert iwan >= source_only - 0.05


@pytest.mark.parametrize("rows", [(1, 1), (6, 2)])
def test_small_and_unequal_batches_are_finite(rows):
    transfer = Case(IWAN, {"hidden": (8,)}).transfer()
    views = {
        view: RNG.normal(size=(n, 4)).astype("float32") for view, n in zip(("source", "target"), rows, strict=True)
    }
    assert np.isfinite(common.train(transfer, [(views, {"source": np.zeros(rows[0], int)})] * 3)).all()


def test_bad_arguments_and_taps_are_refused():
    with pytest.raises(ValueError, match="`strength` must be a number >= 0 or a schedule"):
        IWAN(strength=-1.0)
    with pytest.raises(ValueError, match="`hidden` must hold positive integers"):
        IWAN(hidden=(0,))
    inputs = keras.Input((5, 4))
    features = keras.layers.Dense(3, name="features")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling1D()(features)))
    with pytest.raises(ValueError, match="`features` must have rank 2"):
        TransferModel(model, [IWAN()])
