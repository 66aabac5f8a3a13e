import keras
import numpy as np
import pytest

from tests.methods.hand import one_step, slope, softmax, squared
from tlkeras.methods import JMMD
from tlkeras.testing import spurious_feature, toy_accuracy
from tlkeras.transfer import TransferModel

RNG = np.random.default_rng(0)
XS, XT = RNG.normal(size=(6, 3)), RNG.normal(1, 1, size=(4, 3))
MULTIPLIERS = (0.5, 2.0)
PAIRS = ~np.eye(10, dtype=bool)


def layers(encoder, head):
    features = np.concatenate([XS, XT]) @ encoder
    predictions = softmax(features @ head)
    return squared(features, features), squared(predictions, predictions)


def discrepancy(encoder, head, widths):
    by_feature, by_prediction = layers(encoder, head)
    kernel = np.mean([np.exp(-by_feature / (2 * m * widths[0])) for m in MULTIPLIERS], axis=0)
    kernel = kernel * np.exp(-by_prediction / (2 * widths[1]))
    return kernel[:6, :6].mean() + kernel[6:, 6:].mean() - 2 * kernel[:6, 6:].mean()


def test_one_step_equals_the_hand_derivation():
    """The value in NumPy; its gradient in encoder and head by central differences at fixed kernel widths."""
    received, (encoder, head), after = one_step(JMMD(multipliers=MULTIPLIERS), XS, XT)
    widths = [distances[PAIRS].mean() for distances in layers(encoder, head)]
    to_encoder = slope(lambda e: discrepancy(e, head, widths), encoder)
    to_head = slope(lambda h: discrepancy(encoder, h, widths), head)
    np.testing.assert_allclose(received, discrepancy(encoder, head, widths), rtol=1e-4)
    np.testing.assert_allclose(after[0], encoder - to_encoder, atol=1e-5)
    np.testing.assert_allclose(after[1], head - to_head, atol=1e-5)
    assert min(np.abs(to_encoder).max(), np.abs(to_head).max()) > 1e-3


@pytest.mark.exhaustive
def test_solves_a_toy_that_source_only_does_not():
    domains = spurious_feature()
    source_only = toy_accuracy(domains, [])
    assert source_only < 0.65
    assert toy_accuracy(domains, [JMMD(weight=5.0)]) >= source_only + 0.3


@pytest.mark.parametrize("multipliers", [(), (1.0, 0.0)])
def test_wrong_multipliers_are_refused(multipliers):
    with pytest.raises(ValueError, match="`multipliers` must hold numbers > 0"):
        JMMD(multipliers=multipliers)


@pytest.mark.parametrize(("units", "name"), [(1, "logits"), (3, "scores")])
def test_a_model_without_classes_is_refused(units, name):
    inputs = keras.Input((4,))
    features = keras.layers.Dense(8, name="features")(inputs)
    with pytest.raises(ValueError, match="at least 2 classes|reads `tap='logits'`"):
        TransferModel(keras.Model(inputs, keras.layers.Dense(units, name=name)(features)), [JMMD()])
