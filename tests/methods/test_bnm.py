import keras
import numpy as np
import pytest

from tlkeras.methods import BNM
from tlkeras.testing import common, shifted_clusters, toy_accuracy
from tlkeras.transfer import TransferModel

RNG = np.random.default_rng(0)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def linear(classes=3):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(classes, use_bias=False, name="logits")(inputs))
    return TransferModel(model, [BNM()])


@pytest.mark.parametrize("rows", [2, 5])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_one_step_equals_the_hand_derivation(rows, jit_compile):
    """`d ||P||_* / dP = U V^T` and the Jacobian of the softmax, for fewer rows than classes and more."""
    transfer = linear()
    common.compile_model(transfer, learning_rate=1.0, jit_compile=jit_compile)
    xs, xt = RNG.normal(size=(6, 4)).astype("float32"), RNG.normal(size=(rows, 4)).astype("float32")
    kernel = transfer.model.get_layer("logits").get_weights()[0].astype("float64")

    p = softmax(xt @ kernel)
    u, sigma, vt = np.linalg.svd(p, full_matrices=False)
    to_p = -u @ vt / rows
    gradient = xt.T @ (p * (to_p - (p * to_p).sum(axis=1, keepdims=True)))

    logs = transfer.train_on_batch(
        {"source": xs, "target": xt}, {"source": np.zeros(6, int)}, {"source": np.zeros(6)}, return_dict=True
    )
    np.testing.assert_allclose(logs["bnm"], -sigma.sum() / rows, rtol=1e-5)
    np.testing.assert_allclose(transfer.model.get_layer("logits").get_weights()[0], kernel - gradient, atol=1e-5)


def test_bounds_of_the_term():
    """Predictions that know nothing give -1 / sqrt(n c); one-hot and balanced ones -sqrt(c / n)."""
    rows = np.repeat(np.eye(4), 2, axis=0).astype("float32")
    for scale, expected in ((0.0, -1 / np.sqrt(8 * 4)), (100.0, -np.sqrt(4 / 8))):
        transfer = linear(classes=4)
        transfer.model.get_layer("logits").set_weights([scale * np.eye(4)])
        common.compile_model(transfer)
        logs = transfer.test_on_batch({"source": rows, "target": rows}, {"source": np.zeros(8, int)}, return_dict=True)
        np.testing.assert_allclose(logs["bnm"], expected, rtol=1e-5)


@pytest.mark.parametrize("target", [np.ones((1, 4)), np.ones((5, 4))])
def test_one_row_and_equal_rows_give_finite_gradients(target):
    """Of equal rows all singular values but one are 0."""
    transfer = linear()
    common.compile_model(transfer, jit_compile=common.COMPILES)
    transfer.train_on_batch({"source": np.ones((2, 4)), "target": target.astype("float32")}, np.zeros(2, int))
    assert np.isfinite(transfer.model.get_layer("logits").get_weights()[0]).all()


@pytest.mark.exhaustive
def test_solves_a_toy_that_source_only_does_not():
    domains = shifted_clusters()
    source_only = toy_accuracy(domains, [])
    assert source_only < 0.9
    assert toy_accuracy(domains, [BNM()]) >= source_only + 0.08


@pytest.mark.parametrize(("shape", "classes", "rule"), [((6, 4), 3, "rank 2"), ((4,), 1, "at least 2 classes")])
def test_logits_of_another_shape_are_refused(shape, classes, rule):
    inputs = keras.Input(shape)
    model = keras.Model(inputs, keras.layers.Dense(classes, name="logits")(inputs))
    with pytest.raises(ValueError, match=f"`logits` must have {rule}.*Received"):
        TransferModel(model, [BNM()])
