import keras
import numpy as np
import pytest

from tlkeras.layers import StandardizedError
from tlkeras.surgery import classifier, regressor

INPUTS = keras.Input((3,))
BACKBONE = keras.Model(INPUTS, INPUTS)


def test_it_does_not_depend_on_the_units_nor_on_how_targets_are_shaped():
    targets = np.array([100.0, 300.0, 200.0])
    loss = StandardizedError.of(regressor(BACKBONE, targets=targets))
    mean = np.full((3, 1), 200.0)
    for shaped in (targets, targets[:, None], targets.astype(int)):
        assert float(loss(shaped, mean)) == pytest.approx(1.0)  # who answers with the mean
    assert float(loss(targets, targets[:, None] + targets.std())) == pytest.approx(1.0)


def test_rows_are_weighed():
    loss = StandardizedError([2.0, 4.0])
    y, p = np.array([[0.0, 0.0], [2.0, 4.0]]), np.zeros((2, 2))
    assert float(loss(y, p)) == pytest.approx(0.5)
    assert float(loss(y, p, sample_weight=np.array([0.0, 3.0]))) == pytest.approx(1.5)


def test_it_is_made_of_its_configuration():
    loss = StandardizedError([2.0], name="error")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert again.scale == [2.0] and again.name == "error"
    assert StandardizedError.of(regressor(BACKBONE, 2)).scale == [1.0, 1.0]


def test_bad_input():
    for bad in ((), [0.0], [float("inf")]):
        with pytest.raises(ValueError, match="`scale` must hold a finite number > 0"):
            StandardizedError(bad)
    with pytest.raises(ValueError, match="`model` must have a layer `values`"):
        StandardizedError.of(classifier(BACKBONE, 2))
