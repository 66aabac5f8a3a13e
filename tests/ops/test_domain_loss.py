import keras
import numpy as np
from sklearn.metrics import log_loss

from tlkeras.ops import domain_cross_entropy

RNG = np.random.default_rng(0)


def test_it_is_the_log_loss_of_the_domains():
    source, target = RNG.normal(size=4), RNG.normal(size=7)
    weights = RNG.uniform(size=11)
    labels, chances = [1] * 4 + [0] * 7, 1 / (1 + np.exp(-np.concatenate([source, target])))
    for factors in (None, weights):
        received = domain_cross_entropy(
            *map(keras.ops.convert_to_tensor, (source, target)), 1.0 if factors is None else factors
        )
        expected = log_loss(labels, chances, sample_weight=factors, normalize=factors is None)
        np.testing.assert_allclose(float(received), expected if factors is None else expected / 11, rtol=1e-6)


def test_certain_and_wrong_logits_are_finite():
    assert float(domain_cross_entropy(keras.ops.full((2,), -1e4), keras.ops.full((2,), 1e4))) == 1e4
