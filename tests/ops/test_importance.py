import keras
import numpy as np

from tlkeras.ops import density_ratios, target_likeness

LOGITS = np.random.default_rng(0).normal(0, 2, 50).astype("float32")


def received(function, logits, *arguments):
    return np.array(function(keras.ops.convert_to_tensor(logits), *arguments))


def test_density_ratios_are_odds_of_mean_1():
    odds = (1 - 1 / (1 + np.exp(-LOGITS))) / (1 / (1 + np.exp(-LOGITS)))
    expected = odds / odds.mean()
    np.testing.assert_allclose(received(density_ratios, LOGITS, 100.0), expected, rtol=1e-4)
    np.testing.assert_allclose(received(density_ratios, LOGITS, 2.0), np.minimum(expected, 2.0), rtol=1e-4)


def test_target_likeness_is_the_chance_of_the_target_with_mean_1():
    chances = 1 - 1 / (1 + np.exp(-LOGITS))
    np.testing.assert_allclose(received(target_likeness, LOGITS), chances / chances.mean(), rtol=1e-4)


def test_sure_critics_and_single_rows_are_finite():
    for function in (density_ratios, target_likeness):
        np.testing.assert_allclose(received(function, np.full(3, 1e4, "float32")), 1.0)
        np.testing.assert_allclose(received(function, np.array([-1e4], "float32")), 1.0)
