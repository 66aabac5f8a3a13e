import keras
import numpy as np
import pytest

from tests.methods.hand import one_step
from tlkeras.methods import AFN
from tlkeras.testing import spurious_feature, toy_accuracy
from tlkeras.transfer import TransferModel

RNG = np.random.default_rng(0)
XS, XT = RNG.normal(size=(6, 4)), RNG.normal(1, 2, size=(3, 4))


def directions(x, encoder):
    """`d ||f_i|| / d f_i`, the unit vectors of the features."""
    features = x @ encoder
    return features / np.linalg.norm(features, axis=1, keepdims=True)


def test_one_step_of_the_stepwise_form_equals_the_hand_derivation():
    """The gradient of each norm is `-2 step / batch`, the value `2 step^2` whatever the features."""
    term, before, after = one_step(AFN(step=0.5, weight=0.1), XS, XT)
    gradient = sum(-2 * 0.5 / len(x) * x.T @ directions(x, before[0]) for x in (XS, XT))
    assert term == pytest.approx(2 * 0.5**2)
    np.testing.assert_allclose(after[0], before[0] - 0.1 * gradient, atol=1e-5)
    np.testing.assert_array_equal(after[1], before[1])


def test_one_step_of_the_hard_form_equals_the_hand_derivation():
    """`2 (mean ||f_i|| - radius) / batch` on each norm, one view below the radius, the other above."""
    term, before, after = one_step(AFN(step=None, radius=1.5, weight=0.1), XS, XT)
    gaps = [np.linalg.norm(x @ before[0], axis=1).mean() - 1.5 for x in (XS, XT)]
    gradient = sum(2 * gap / len(x) * x.T @ directions(x, before[0]) for gap, x in zip(gaps, (XS, XT), strict=True))
    assert gaps[0] < 0 < gaps[1]
    np.testing.assert_allclose(term, np.square(gaps).sum(), rtol=1e-5)
    np.testing.assert_allclose(after[0], before[0] - 0.1 * gradient, atol=1e-5)


@pytest.mark.parametrize("arguments", [{}, {"step": None, "radius": 5.0}])
def test_features_that_are_0_and_a_single_row_give_finite_gradients(arguments):
    term, _, after = one_step(AFN(**arguments), np.zeros((4, 3)), RNG.normal(size=(1, 3)))
    assert np.isfinite(term)
    assert np.isfinite(after[0]).all()


@pytest.mark.exhaustive
def test_solves_a_toy_that_source_only_does_not():
    """The norm of the target is large where the feature that is noise there is: one radius for both plays it down."""
    domains = spurious_feature()
    source_only = toy_accuracy(domains, [])
    assert source_only < 0.65
    assert toy_accuracy(domains, [AFN(step=None, radius=5.0, weight=0.5)]) >= source_only + 0.1


@pytest.mark.parametrize("arguments", [{"step": 0.0}, {"step": None}, {"radius": 5.0}, {"step": None, "radius": -1.0}])
def test_not_exactly_one_positive_number_is_refused(arguments):
    with pytest.raises(ValueError, match="one of `step` and `radius`, a number > 0.*Received: step="):
        AFN(**arguments)


def test_a_tap_of_rank_3_is_refused():
    inputs = keras.Input((6, 4))
    model = keras.Model(inputs, keras.layers.Dense(3, name="features")(inputs))
    with pytest.raises(ValueError, match="must have rank 2.*Received"):
        TransferModel(model, [AFN()])
