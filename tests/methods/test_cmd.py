import keras
import numpy as np
import pytest

from tests.methods.hand import one_step, slope
from tlkeras.methods import CMD
from tlkeras.testing import Case, spurious_feature, toy_accuracy
from tlkeras.transfer import TransferModel


def discrepancy(x, y, width, moments):
    total = np.linalg.norm(x.mean(0) - y.mean(0)) / width
    for order in range(2, moments + 1):
        gap = ((x - x.mean(0)) ** order).mean(0) - ((y - y.mean(0)) ** order).mean(0)
        total += np.linalg.norm(gap) / width**order
    return total


@pytest.mark.parametrize(("activation", "width"), [("sigmoid", 1.0), ("tanh", 2.0)])
def test_one_step_equals_the_hand_derivation(activation, width):
    """The value in NumPy, with the interval of the activation, and its gradient by central differences."""
    bounded = {"sigmoid": lambda z: 1 / (1 + np.exp(-z)), "tanh": np.tanh}[activation]
    random = np.random.default_rng(0)
    xs, xt = random.normal(size=(6, 3)), random.normal(1, 1, size=(4, 3))
    received, (encoder, _), (after, _) = one_step(CMD(moments=4), xs, xt, activation=activation)
    value = discrepancy(bounded(xs @ encoder), bounded(xt @ encoder), width, 4)
    gradient = slope(lambda e: discrepancy(bounded(xs @ e), bounded(xt @ e), width, 4), encoder)
    np.testing.assert_allclose(received, value, rtol=1e-4)
    np.testing.assert_allclose(after, encoder - gradient, atol=1e-5)
    assert np.abs(gradient).max() > 1e-2


@pytest.mark.exhaustive
def test_solves_a_toy_that_source_only_does_not():
    domains = spurious_feature()
    source_only = toy_accuracy(domains, [], activation="tanh")
    assert source_only < 0.65
    assert toy_accuracy(domains, [CMD()], activation="tanh") >= source_only + 0.1


def test_the_interval_is_that_of_the_activation_and_is_saved():
    method = Case(CMD).transfer(compiled=False).methods[0]
    assert method.interval == (-1.0, 1.0)
    assert CMD.from_config(method.get_config()).interval == (-1.0, 1.0)


@pytest.mark.parametrize("activation", ["relu", None])
def test_an_unbounded_layer_needs_an_interval(activation):
    inputs = keras.Input((4,))
    features = keras.layers.Dense(8, activation, name="features")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, name="logits")(features))
    with pytest.raises(ValueError, match="needs a tapped layer with a bounded activation.*Received: tap='features'"):
        TransferModel(model, [CMD()])
    assert TransferModel(model, [CMD(interval=(0.0, 8.0))]).methods[0].interval == (0.0, 8.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"interval": (1.0, 1.0)}, "`interval` must be \\(low, high\\)"),
        ({"interval": (1.0,)}, "`interval` must be \\(low, high\\)"),
        ({"moments": 0}, "`moments` must be an integer >= 1"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        CMD(**arguments)
