import keras
import numpy as np
import pytest

from tlkeras.layers import GradientReversal


def test_saves_and_loads_with_its_strength(tmp_path):
    inputs = keras.Input((3,))
    keras.Model(inputs, GradientReversal(0.25)(inputs)).save(tmp_path / "m.keras")
    model = keras.models.load_model(tmp_path / "m.keras")
    assert model.layers[-1].strength == 0.25
    x = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(model.predict(x, verbose=0), x)


def test_a_negative_strength_is_refused():
    with pytest.raises(ValueError, match="the layer adds the minus sign. Received: strength=-1"):
        GradientReversal(-1)
