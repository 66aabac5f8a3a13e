import keras
import numpy as np
import pytest

from tlkeras.methods import BSS
from tlkeras.testing import common, linear_accuracy, weak_direction
from tlkeras.transfer import TransferModel

RNG = np.random.default_rng(0)


def linear(features, **arguments):
    inputs = keras.Input((6,))
    x = keras.layers.Dense(features, use_bias=False, name="features")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, name="logits")(x))
    return TransferModel(model, [BSS(weight=1.0, **arguments)])


@pytest.mark.parametrize("rows", [5, 12])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_one_step_equals_the_gradient_of_the_svd(rows, jit_compile):
    """`d sigma_i^2 / d F = 2 sigma_i u_i v_i^T` with the SVD of NumPy, for more rows than features and fewer."""
    keras.utils.set_random_seed(0)
    transfer = linear(8, k=2)
    common.compile_model(transfer, learning_rate=0.1, jit_compile=jit_compile)
    x = RNG.normal(size=(rows, 6)).astype("float32")
    kernel = transfer.model.get_layer("features").get_weights()[0].astype("float64")
    # The kernel maps 6 inputs to 8 features: at 12 rows two singular values are 0 by construction.
    u, sigma, vt = np.linalg.svd(x @ kernel, full_matrices=False)
    gradient = x.T @ sum(2 * sigma[i] * np.outer(u[:, i], vt[i]) for i in (-2, -1))

    logs = transfer.train_on_batch(x, np.zeros(rows, int), np.zeros(rows), return_dict=True)
    np.testing.assert_allclose(logs["bss"], (sigma[-2:] ** 2).sum(), rtol=1e-4, atol=1e-6)
    received = transfer.model.get_layer("features").get_weights()[0]
    np.testing.assert_allclose(received, kernel - 0.1 * gradient, atol=1e-5)


@pytest.mark.parametrize("rows", [5, 20])
def test_fit_gives_batches_of_unknown_size(rows):
    keras.utils.set_random_seed(0)
    transfer = linear(4)
    common.compile_model(transfer, learning_rate=0.0)
    x = RNG.normal(size=(rows, 6)).astype("float32")
    features = x @ transfer.model.get_layer("features").get_weights()[0]
    history = transfer.fit(x, np.zeros(rows, int), batch_size=rows, verbose=0).history
    np.testing.assert_allclose(history["bss"], np.linalg.svd(features, compute_uv=False)[-1] ** 2, rtol=1e-4)


def test_equal_rows_give_a_finite_gradient():
    """All but one singular value are 0 and equal: the gradient of an SVD is not finite there."""
    transfer = linear(4, k=3)
    common.compile_model(transfer, learning_rate=1.0)
    transfer.train_on_batch(np.ones((5, 6), "float32"), np.zeros(5, int))
    assert np.isfinite(transfer.model.get_layer("features").get_weights()[0]).all()


@pytest.mark.parametrize("k", [0, 1.5])
def test_a_wrong_k_is_refused(k):
    with pytest.raises(ValueError, match="`k` must be an integer >= 1. Received"):
        BSS(k=k)


def test_more_singular_values_than_features_are_refused_at_construction():
    with pytest.raises(ValueError, match="at least `count` columns"):
        linear(2, k=3)


@pytest.mark.exhaustive
def test_solves_a_toy_where_few_labels_rely_on_a_weak_direction():
    """Mean of three draws: 75 % without it, 95 % with it."""
    means = []
    for make in (list, lambda: [BSS(weight=1.0)]):
        means.append(np.mean([linear_accuracy(weak_direction(seed=seed), make(), seed) for seed in range(3)]))
    plain, shrunk = means
    assert plain < 0.85 and shrunk >= plain + 0.1 and shrunk > 0.93
