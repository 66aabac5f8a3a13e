import keras
import numpy as np
import pytest

from tests.methods.hand import one_step
from tlkeras.methods import CORAL
from tlkeras.testing import spurious_feature, toy_accuracy
from tlkeras.transfer import TransferModel


def test_one_step_equals_the_hand_derivation():
    """d/dW of ||C_s - C_t||^2 / (4 d^2) through a linear encoder, written out in NumPy."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    features = keras.layers.Dense(2, use_bias=False, name="features")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(features))
    transfer = TransferModel(model, [CORAL(weight=4.0)])
    transfer.compile(keras.optimizers.SGD(0.5), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    random = np.random.default_rng(0)
    xs, xt = random.normal(size=(6, 3)).astype("float32"), 2 * random.normal(size=(9, 3)).astype("float32")
    encoder = np.array(model.get_layer("features").kernel)

    gap_in = np.cov(xs, rowvar=False) - np.cov(xt, rowvar=False)
    gap = encoder.T @ gap_in @ encoder
    term = (gap**2).sum() / (4 * 2**2)
    gradient = (4 * gap_in @ encoder @ gap) / (4 * 2**2)

    logs = transfer.train_on_batch(
        {"source": xs, "target": xt}, {"source": np.zeros(6, int)}, {"source": np.zeros(6)}, return_dict=True
    )
    np.testing.assert_allclose(logs["coral"], term, rtol=1e-4)
    np.testing.assert_allclose(np.array(model.get_layer("features").kernel), encoder - 0.5 * 4.0 * gradient, atol=1e-5)


def test_solves_a_toy_that_source_only_does_not():
    domains = spurious_feature()
    source_only = toy_accuracy(domains, [])
    assert source_only < 0.65
    assert toy_accuracy(domains, [CORAL(weight=100.0)]) >= source_only + 0.1


def test_one_step_with_means_equals_the_hand_derivation():
    """d/dW of ||m_s - m_t||^2 / (4 d) in addition, with m the mean of the encoded rows."""
    random = np.random.default_rng(0)
    xs, xt = random.normal(size=(6, 3)), random.normal(1, 2, size=(9, 3))
    received, (encoder, _), (after, _) = one_step(CORAL(means=True, weight=0.5), xs, xt)
    gap_in, shift = np.cov(xs, rowvar=False) - np.cov(xt, rowvar=False), xs.mean(axis=0) - xt.mean(axis=0)
    gap = encoder.T @ gap_in @ encoder
    value = (gap**2).sum() / 16 + ((shift @ encoder) ** 2).sum() / 8
    gradient = gap_in @ encoder @ gap / 4 + np.outer(shift, shift @ encoder) / 4
    np.testing.assert_allclose(received, value, rtol=1e-4)
    np.testing.assert_allclose(after, encoder - 0.5 * gradient, atol=1e-5)


def test_one_row_is_refused():
    rows = np.ones((1, 3))
    with pytest.raises(ValueError, match="at least 2 rows: one row has no covariance"):
        one_step(CORAL(), rows, rows)
