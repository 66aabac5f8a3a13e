import keras
import numpy as np

from tlkeras.ops import classifier_discrepancy


def test_it_is_the_mean_absolute_difference():
    random = np.random.default_rng(0)
    first, second = (random.dirichlet(np.ones(3), size=5).astype("float32") for _ in range(2))
    expected = np.abs(first - second).mean()
    np.testing.assert_allclose(float(classifier_discrepancy(first, second)), expected, rtol=1e-6)
    np.testing.assert_allclose(float(classifier_discrepancy(second, first)), expected, rtol=1e-6)


def test_it_lies_between_0_and_2_over_the_classes():
    one, other = (keras.ops.one_hot(keras.ops.array([k, k]), 4) for k in (0, 3))
    assert float(classifier_discrepancy(one, one)) == 0.0
    assert float(classifier_discrepancy(one, other)) == 0.5
