import keras
import numpy as np
import scipy.stats

from tlkeras.ops import class_confusion, entropy, information_maximization


def probabilities(rows=6, classes=4):
    return np.random.default_rng(0).dirichlet(np.ones(classes), rows).astype("float32")


def test_entropy_equals_scipy():
    p = probabilities()
    np.testing.assert_allclose(
        np.array(entropy(keras.ops.convert_to_tensor(p))), scipy.stats.entropy(p, axis=1), rtol=1e-5
    )


def test_entropy_of_certainty_is_zero():
    np.testing.assert_allclose(np.array(entropy(keras.ops.eye(3))), 0, atol=1e-6)


def test_information_maximization_is_entropy_of_the_mean_less_the_mean_entropy():
    p = probabilities()
    expected = scipy.stats.entropy(p.mean(axis=0)) - scipy.stats.entropy(p, axis=1).mean()
    np.testing.assert_allclose(float(information_maximization(keras.ops.convert_to_tensor(p))), expected, rtol=1e-4)


def test_class_confusion_of_uniform_predictions_is_its_maximum():
    """Every row of C is uniform: the diagonal holds 1 / classes of the mass."""
    np.testing.assert_allclose(float(class_confusion(keras.ops.zeros((5, 4)))), 1 - 1 / 4, rtol=1e-6)


def test_class_confusion_of_certain_predictions_of_one_class_is_finite():
    """Every probability of the other classes underflows to 0; their rows of C are then 0 and not 0 / 0."""
    assert float(class_confusion(keras.ops.convert_to_tensor([[1e3, 0.0, 0.0]] * 4))) == 0.0
