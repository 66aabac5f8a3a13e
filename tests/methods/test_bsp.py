import keras
import numpy as np
import pytest

from tests.methods.hand import one_step
from tlkeras.methods import BSP
from tlkeras.testing import spurious_feature, toy_accuracy
from tlkeras.transfer import TransferModel

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("k", [1, 2])
def test_one_step_equals_the_hand_derivation(k):
    """`d sigma_i^2 / d F = 2 sigma_i u_i v_i^T` with the SVD of NumPy, for both views of a linear encoder."""
    xs, xt = RNG.normal(size=(6, 4)), RNG.normal(1, 2, size=(3, 4))
    term, before, after = one_step(BSP(k=k, weight=0.01), xs, xt, width=5)

    expected, gradient = 0.0, np.zeros_like(before[0])
    for x in (xs, xt):
        u, sigma, vt = np.linalg.svd(x @ before[0], full_matrices=False)
        expected += (sigma[:k] ** 2).sum()
        gradient += x.T @ sum(2 * sigma[i] * np.outer(u[:, i], vt[i]) for i in range(k))

    np.testing.assert_allclose(term, expected, rtol=1e-4)
    np.testing.assert_allclose(after[0], before[0] - 0.01 * gradient, atol=1e-5)
    np.testing.assert_array_equal(after[1], before[1])


def test_a_batch_smaller_than_k_gives_all_it_has():
    xs, xt = RNG.normal(size=(1, 4)), RNG.normal(size=(2, 4))
    term, before, _ = one_step(BSP(k=3), xs, xt, width=5)
    np.testing.assert_allclose(term, ((xs @ before[0]) ** 2).sum() + ((xt @ before[0]) ** 2).sum(), rtol=1e-4)


@pytest.mark.exhaustive
def test_solves_a_toy_that_source_only_does_not():
    """The strongest direction of the target is the feature that is noise there."""
    domains = spurious_feature()
    source_only = toy_accuracy(domains, [])
    assert source_only < 0.65
    assert toy_accuracy(domains, [BSP(weight=0.01)]) >= source_only + 0.12


@pytest.mark.parametrize("k", [0, 1.5, True])
def test_a_wrong_k_is_refused(k):
    with pytest.raises(ValueError, match="`k` must be an integer >= 1. Received"):
        BSP(k=k)


def test_a_tap_of_rank_3_is_refused():
    inputs = keras.Input((6, 4))
    model = keras.Model(inputs, keras.layers.Dense(3, name="features")(inputs))
    with pytest.raises(ValueError, match="must have rank 2.*Received"):
        TransferModel(model, [BSP()])
