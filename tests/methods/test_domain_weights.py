import keras
import numpy as np
import pytest

from tlkeras.methods import CORAL, DomainWeights
from tlkeras.testing import Case, common, covariate_shift, toy_accuracy
from tlkeras.transfer import TransferModel

RNG = np.random.default_rng(0)
XS, XT = RNG.normal(size=(5, 3)).astype("float32"), RNG.normal(1, 1, size=(7, 3)).astype("float32")
LABELS = np.array([0, 1, 1, 2, 0])


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def made(largest=10.0, critic=(0.8, -0.5), rate=0.5, **arguments):
    """A linear encoder, head and critic: `(transfer, encoder, head, critic)`, the weights in float64."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    features = keras.layers.Dense(2, use_bias=False, name="features")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, use_bias=False, name="logits")(features))
    method = DomainWeights(largest=largest)
    transfer = TransferModel(model, [method])
    common.compile_model(transfer, learning_rate=rate, **arguments)
    method.critic.blocks[-1].kernel.assign(np.array(critic)[:, None])
    return transfer, *(value.astype("float64") for value in model.get_weights()), np.array(critic)[:, None]


@pytest.mark.parametrize(("largest", "given"), [(10.0, None), (1.2, None), (10.0, [1.0, 0.5, 2.0, 0.0, 1.0])])
def test_one_step_equals_the_hand_derivation(largest, given):
    """Value of the term and the loss, update of the critic by the term, and of the model by the weighed loss alone."""
    transfer, encoder, head, critic = made(largest)
    zs, zt = (XS @ encoder @ critic)[:, 0], (XT @ encoder @ critic)[:, 0]
    term = np.mean(np.concatenate([np.log1p(np.exp(-zs)), np.log1p(np.exp(zt))]))
    error = np.concatenate([sigmoid(zs) - 1, sigmoid(zt)])[:, None] / 12
    factors = np.minimum(np.exp(-zs) / np.exp(-zs).mean(), largest) * (1.0 if given is None else np.array(given))
    assert np.ptp(factors) > 0.1
    p = softmax(XS @ encoder @ head)
    loss = np.mean(factors * -np.log(p[np.arange(5), LABELS]))
    gradient = factors[:, None] * (p - np.eye(3)[LABELS]) / 5

    logs = transfer.train_on_batch(
        {"source": XS, "target": XT},
        {"source": LABELS},
        None if given is None else {"source": np.array(given)},
        return_dict=True,
    )
    np.testing.assert_allclose(logs["domainweights"], term, rtol=1e-5)
    np.testing.assert_allclose(logs["loss"], loss + term, rtol=1e-5)
    received = [*transfer.model.get_weights(), np.array(transfer.methods[0].critic.blocks[-1].kernel)]
    expected = [
        encoder - 0.5 * XS.T @ gradient @ head.T,
        head - 0.5 * (XS @ encoder).T @ gradient,
        critic - 0.5 * (np.concatenate([XS, XT]) @ encoder).T @ error,
    ]
    for now, then in zip(received, expected, strict=True):
        np.testing.assert_allclose(now, then, atol=1e-5)


def test_it_starts_undecided_and_keeps_the_losses_that_layers_add():
    """The first step is that of a method without weights, on the same views; layers may add losses of their own."""
    losses = []
    for methods in ([CORAL(weight=0.0)], [DomainWeights(hidden=(4,))]):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((3,))
        features = keras.layers.Dense(2, activity_regularizer=keras.regularizers.L2(5.0), name="features")(inputs)
        transfer = TransferModel(keras.Model(inputs, keras.layers.Dense(3, name="logits")(features)), methods)
        common.compile_model(transfer)
        logs = transfer.train_on_batch({"source": XS, "target": XT[:5]}, {"source": LABELS}, return_dict=True)
        losses.append(logs["loss"] - logs.get("domainweights", 0.0))
    np.testing.assert_allclose(*losses, rtol=1e-5)


def test_graph_mode_trains_as_eager_mode_does():
    """The factors are of the critic as it was before the step, also where nothing but the graph orders it."""
    weights = []
    for eager in (True, False):
        transfer, *_ = made(run_eagerly=eager, jit_compile=False)
        common.train(transfer, [({"source": XS, "target": XT}, {"source": LABELS})] * 10)
        weights.append(transfer.get_weights())
    for one, two in zip(*weights, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)


@pytest.mark.exhaustive
def test_solves_a_toy_that_source_only_does_not():
    domains = covariate_shift()
    source_only = toy_accuracy(domains, [], activation="linear")
    assert source_only < 0.65
    assert toy_accuracy(domains, [DomainWeights(hidden=(16,))], activation="linear") >= source_only + 0.25


@pytest.mark.parametrize("rows", [(1, 1), (6, 2)])
def test_small_and_unequal_batches_are_finite(rows):
    transfer = Case(DomainWeights, {"hidden": (8,)}).transfer()
    views = {
        view: RNG.normal(size=(n, 4)).astype("float32") for view, n in zip(("source", "target"), rows, strict=True)
    }
    assert np.isfinite(common.train(transfer, [(views, {"source": np.zeros(rows[0], int)})] * 3)).all()


def test_bad_arguments_and_taps_are_refused():
    with pytest.raises(ValueError, match="`largest` must be >= 1, .*Received: largest=0.5"):
        DomainWeights(largest=0.5)
    inputs = keras.Input((5, 4))
    features = keras.layers.Dense(3, name="features")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling1D()(features)))
    with pytest.raises(ValueError, match="`features` must have rank 2"):
        TransferModel(model, [DomainWeights()])
