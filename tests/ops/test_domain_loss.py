import keras
import numpy as np
from sklearn.metrics import log_loss

from tlkeras.ops import domain_cross_entropy, soft_minimum

RNG = np.random.default_rng(0)


def test_it_is_the_log_loss_of_the_domains():
    source, target = RNG.normal(size=4), RNG.normal(size=7)
    weights = RNG.uniform(size=11)
    labels, chances = [1] * 4 + [0] * 7, 1 / (1 + np.exp(-np.concatenate([source, target])))
    for factors in (None, weights):
        given = np.ones(11) if factors is None else factors
        received = domain_cross_entropy(*map(keras.ops.convert_to_tensor, (source, target, given)))
        expected = log_loss(labels, chances, sample_weight=factors, normalize=factors is None)
        np.testing.assert_allclose(float(received), expected if factors is None else expected / 11, rtol=1e-6)


def test_certain_and_wrong_logits_are_finite():
    assert float(domain_cross_entropy(keras.ops.full((2,), -1e4), keras.ops.full((2,), 1e4))) == 1e4


def test_soft_minimum_lies_between_minimum_and_mean():
    values = np.array([0.3, 0.5, 0.6], "float32")
    for sharpness in (2.0, 10.0):
        expected = -np.log(np.mean(np.exp(-sharpness * values))) / sharpness
        received = float(soft_minimum(keras.ops.convert_to_tensor(values), sharpness))
        np.testing.assert_allclose(received, expected, rtol=1e-5)
        assert values.min() < received < values.mean()
