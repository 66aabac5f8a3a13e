import keras
import numpy as np
import pytest

from tlkeras.transfer import DANNRamp, schedules


def test_the_ramp_of_the_paper():
    ramp = DANNRamp(steps=200, high=0.5, gamma=10.0)
    for step in (0, 50, 100, 200):
        np.testing.assert_allclose(float(ramp(step)), 0.5 * (2 / (1 + np.exp(-10 * step / 200)) - 1), rtol=1e-5)
    assert float(ramp(10_000)) == float(ramp(200))


def test_the_ramp_of_tllib():
    """2 / (1 + exp(-step / 1000)) - 1, the default of the adversarial methods."""
    np.testing.assert_allclose(float(DANNRamp(steps=10_000)(1234)), 2 / (1 + np.exp(-1.234)) - 1, rtol=1e-5)


def test_the_ramp_saves_and_loads():
    config = keras.saving.serialize_keras_object(DANNRamp(steps=7, high=0.3, gamma=2.0))
    assert keras.saving.deserialize_keras_object(config).get_config() == {"steps": 7, "high": 0.3, "gamma": 2.0}


def test_wrong_values_are_refused():
    with pytest.raises(ValueError, match="must be positive. Received: steps=0"):
        DANNRamp(steps=0)
    with pytest.raises(ValueError, match="`weight` must be a number >= 0 or a schedule.*Received: weight='a'"):
        schedules.check("weight", "a")
