import keras
import numpy as np
import pytest

from tlkeras.surgery import frozen_copy
from tlkeras.testing import common


def test_a_copy_answers_alike_and_shares_nothing():
    model = common.small_model(batch_norm=True)
    copy = frozen_copy(model, "start")
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    before = copy.predict(x, verbose=0)
    np.testing.assert_array_equal(before, model.predict(x, verbose=0))
    model.set_weights([array + 1 for array in model.get_weights()])
    np.testing.assert_array_equal(copy.predict(x, verbose=0), before)
    assert not copy.trainable_weights
    assert {v.path for v in copy.weights} == {f"start/{v.path}" for v in model.weights}


def test_a_layer_is_refused():
    with pytest.raises(ValueError, match="`model` must be a functional"):
        frozen_copy(keras.layers.Dense(3), "start")
