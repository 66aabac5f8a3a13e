import keras
import numpy as np
import pytest

from tlkeras.methods import DANN, PADA
from tlkeras.testing import Case, common, missing_classes, toy_accuracy
from tlkeras.transfer import DANNRamp, TransferModel

RNG = np.random.default_rng(0)
XS, XT = RNG.normal(size=(5, 3)).astype("float32"), RNG.normal(1, 1, size=(7, 3)).astype("float32")
LABELS = np.array([0, 1, 1, 0, 0])  # no row of class 2
STRENGTH, RATE, MOMENTUM = 0.3, 0.5, 0.8


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def made(weight=1.0, **arguments):
    """A linear encoder, head and critic, and shares of the classes that are not equal."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    features = keras.layers.Dense(2, use_bias=False, name="features")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, use_bias=False, name="logits")(features))
    method = PADA(strength=STRENGTH, hidden=(), momentum=MOMENTUM, weight=weight)
    transfer = TransferModel(model, [method])
    common.compile_model(transfer, learning_rate=RATE, **arguments)
    method.shares.assign([0.5, 0.2, 0.3])
    layers = [*(model.get_layer(name) for name in ("features", "logits")), method.critic.blocks[-1]]
    return transfer, layers, [layer.get_weights()[0].astype("float64") for layer in layers]


@pytest.mark.parametrize("weight", [1.0, 0.5, 0.0])
def test_one_step_equals_the_hand_derivation(weight):
    """Term, loss, every update and the new shares; with weight 0 plain training on the source."""
    transfer, layers, (encoder, head, critic) = made(weight)
    x, domain = np.concatenate([XS, XT]), np.concatenate([np.ones(5), np.zeros(7)])
    z, factors = (x @ encoder @ critic)[:, 0], np.array([1.0, 0.4, 0.4, 1.0, 1.0])
    weights = np.concatenate([factors, np.ones(7)])
    term = np.mean(-weights * (domain * np.log(sigmoid(z)) + (1 - domain) * np.log(1 - sigmoid(z))))
    error = weight * (weights * (sigmoid(z) - domain) / 12)[:, None]
    p = softmax(XS @ encoder @ head)
    factors = factors if weight else np.ones(5)
    loss = np.mean(factors * -np.log(p[np.arange(5), LABELS]))
    wrong = factors[:, None] * (p - np.eye(3)[LABELS]) / 5
    expected = [
        encoder + RATE * (STRENGTH * x.T @ error @ critic.T - XS.T @ wrong @ head.T),
        head - RATE * (XS @ encoder).T @ wrong,
        critic - RATE * (x @ encoder).T @ error,
    ]
    shares = MOMENTUM * np.array([0.5, 0.2, 0.3]) + (1 - MOMENTUM) * softmax(XT @ encoder @ head).mean(axis=0)

    logs = transfer.train_on_batch({"source": XS, "target": XT}, {"source": LABELS}, return_dict=True)
    np.testing.assert_allclose(logs["pada"], term, rtol=1e-5)
    np.testing.assert_allclose(logs["loss"], loss + weight * term, rtol=1e-5)
    for layer, value in zip(layers, expected, strict=True):
        np.testing.assert_allclose(layer.get_weights()[0], value, atol=1e-5)
    np.testing.assert_allclose(np.array(transfer.methods[0].shares), shares, rtol=1e-5)


def test_graph_mode_trains_as_eager_mode_does():
    """The factors are those of the shares before the step, also where nothing but the graph orders it."""
    weights = []
    for eager in (True, False):
        transfer, *_ = made(run_eagerly=eager, jit_compile=False)
        common.train(transfer, [({"source": XS, "target": XT}, {"source": LABELS})] * 10)
        weights.append(transfer.get_weights())
    for one, two in zip(*weights, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)


@pytest.mark.exhaustive
def test_solves_a_toy_without_half_of_the_classes_better_than_dann():
    """Seen in five runs: source only 78 %, DANN 75 to 83, PADA 85 to 99."""
    domains, strength = missing_classes(), DANNRamp(steps=1080, high=3.0)
    source_only = toy_accuracy(domains, [])
    keras.utils.set_random_seed(0)  # a critic draws its seed when it is made
    dann = toy_accuracy(domains, [DANN(strength=strength, hidden=(16,))])
    keras.utils.set_random_seed(0)
    pada = toy_accuracy(domains, [PADA(strength=strength, hidden=(16,), momentum=0.9)])
    assert pada >= source_only + 0.05 and pada > dann


@pytest.mark.parametrize("rows", [(1, 1), (6, 2)])
def test_small_and_unequal_batches_are_finite(rows):
    transfer = Case(PADA, {"hidden": (8,)}).transfer()
    views = {
        view: RNG.normal(size=(n, 4)).astype("float32") for view, n in zip(("source", "target"), rows, strict=True)
    }
    assert np.isfinite(common.train(transfer, [(views, {"source": np.zeros(rows[0], int)})] * 2)).all()


@pytest.mark.parametrize(
    ("labels", "message"),
    [(np.eye(3)[LABELS], "argmax of one-hot rows"), (LABELS / 2, "cannot read regression targets")],
)
def test_labels_that_are_no_classes_are_refused(labels, message):
    transfer, *_ = made()
    with pytest.raises(ValueError, match=message):
        transfer.train_on_batch({"source": XS, "target": XT}, {"source": labels})


def test_bad_arguments_and_taps_are_refused():
    for momentum in (1.0, -0.1):
        with pytest.raises(ValueError, match=r"`momentum` must be in \[0, 1\). Received: momentum="):
            PADA(momentum=momentum)
    with pytest.raises(ValueError, match="`strength` must be a number >= 0 or a schedule"):
        PADA(strength=-1.0)
    inputs = keras.Input((5, 4))
    features = keras.layers.Dense(3, name="features")(inputs)
    pooled = keras.layers.GlobalAveragePooling1D()(features)
    with pytest.raises(ValueError, match="`features` must have rank 2"):
        TransferModel(keras.Model(inputs, keras.layers.Dense(2, name="logits")(pooled)), [PADA()])
    with pytest.raises(ValueError, match="`logits` must have at least 2 classes"):
        TransferModel(keras.Model(inputs, keras.layers.Dense(1, name="logits")(pooled)), [PADA()])
