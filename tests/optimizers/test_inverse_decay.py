import keras
import numpy as np
import pytest

from tlkeras.optimizers import InverseDecay


def test_falls_as_the_paper_says():
    steps = np.array([0, 1, 100, 5000])
    rates = [float(InverseDecay(0.01, gamma=1e-3)(step)) for step in steps]
    np.testing.assert_allclose(rates, 0.01 * (1 + 1e-3 * steps) ** -0.75, rtol=1e-6)


def test_without_gamma_it_stays():
    assert float(InverseDecay(0.5, gamma=0)(1000)) == 0.5


def test_survives_serialisation():
    schedule = InverseDecay(0.1, gamma=0.2, power=0.5)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    assert [float(again(step)) for step in range(5)] == [float(schedule(step)) for step in range(5)]


@pytest.mark.parametrize("arguments", [{"rate": 0}, {"rate": "fast"}, {"gamma": -1.0}, {"power": 0}])
def test_what_makes_no_sense_is_refused(arguments):
    name = next(iter(arguments))
    with pytest.raises(ValueError, match=rf"`{name}`.*Received: .*{name}="):
        InverseDecay(**{"rate": 0.1, **arguments})
