import keras
import numpy as np
import pytest

from tlkeras.layers import DomainCritic


def test_one_logit_a_row_and_blocks_named_for_the_optimizer(tmp_path):
    inputs = keras.Input((6,))
    model = keras.Model(inputs, DomainCritic(hidden=(5, 4), name="critic")(inputs))
    x = np.random.default_rng(0).normal(size=(3, 6)).astype("float32")
    assert model.predict(x, verbose=0).shape == (3, 1)
    paths = [v.path for v in model.trainable_variables]
    assert paths[0] == "critic/dense_0/kernel" and paths[-1] == "critic/logit/bias"
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


def test_without_hidden_layers_it_is_linear():
    critic = DomainCritic(hidden=())
    critic.build((None, 2))
    assert [tuple(v.shape) for v in critic.variables] == [(2, 1), (1,)]


def test_wrong_widths_are_refused():
    with pytest.raises(ValueError, match="`hidden` must hold positive integers"):
        DomainCritic(hidden=(8, 0))
