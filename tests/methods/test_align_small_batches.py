"""Every alignment method on batches that are smaller than one would like."""

import keras
import numpy as np
import pytest

from tests.methods.hand import one_step
from tlkeras import methods
from tlkeras.transfer import TransferModel

RNG = np.random.default_rng(0)
METHODS = [
    lambda: methods.CMD(),
    lambda: methods.DeepJDOT(),
    lambda: methods.JMMD(),
    lambda: methods.LMMD(),
    lambda: methods.MMD(),
    lambda: methods.Sinkhorn(),
    lambda: methods.SlicedWasserstein(seed=0),
]

pytestmark = pytest.mark.parametrize("method", METHODS, ids=lambda made: type(made()).__name__)


@pytest.mark.parametrize("rows", [(1, 1), (1, 3), (6, 1), (6, 2)])
def test_one_sample_and_a_target_smaller_than_the_source_stay_finite(method, rows):
    xs, xt = RNG.normal(size=(rows[0], 3)), RNG.normal(1, 1, size=(rows[1], 3))
    term, _, after = one_step(method(), xs, xt, activation="tanh")
    assert np.isfinite(term)
    assert all(np.isfinite(value).all() for value in after)


def test_rows_that_are_all_equal_stay_finite(method):
    rows = np.ones((4, 3))
    term, _, after = one_step(method(), rows, rows, activation="tanh")
    assert np.isfinite(term)
    assert all(np.isfinite(value).all() for value in after)


def test_nan_features_are_not_hidden(method):
    rows = np.full((4, 3), np.nan)
    term, _, _ = one_step(method(), rows, rows, activation="tanh")
    assert np.isnan(term)


def test_a_tap_of_rank_3_is_refused(method):
    inputs = keras.Input((3, 2))
    maps = keras.layers.Dense(4, "tanh", name="features")(inputs)
    logits = keras.layers.Dense(3, name="logits")(keras.layers.GlobalAveragePooling1D()(maps))
    with pytest.raises(ValueError, match="must have rank 2.*Received: shape="):
        TransferModel(keras.Model(inputs, logits), [method()])
