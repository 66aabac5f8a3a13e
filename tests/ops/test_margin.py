import keras
import numpy as np
import pytest
import scipy.special

from tlkeras.ops import margin_disparity

RNG = np.random.default_rng(0)


def tensors(*arrays):
    return [keras.ops.convert_to_tensor(array.astype("float32")) for array in arrays]


def test_it_equals_the_definition_row_by_row():
    first, second, source, target = (RNG.normal(size=(rows, 4)) for rows in (5, 7, 5, 7))
    p, q = scipy.special.softmax(source, axis=1), scipy.special.softmax(target, axis=1)
    agree = np.mean([-np.log(p[i, first[i].argmax()]) for i in range(5)])
    disagree = np.mean([-np.log(1 - q[i, second[i].argmax()]) for i in range(7)])
    one, two, three, four = tensors(first, second, source, target)
    np.testing.assert_allclose(float(margin_disparity((one, two), three, four, 3.0)), 3 * agree + disagree, rtol=1e-5)


def test_certain_agreement_on_the_target_is_a_finite_loss():
    """1 - p underflows to 0 in float32; its logarithm, taken of the logits, is -50."""
    rows = np.array([[50.0, 0.0, -1e4]])
    value = margin_disparity(tensors(rows, rows), *tensors(rows, rows))
    np.testing.assert_allclose(float(value), 50.0, rtol=1e-6)


def test_equal_views_are_bounded_below():
    """Per row `-4 log p - log(1 - p)` is least at p = 4 / 5; two classes reach it."""
    logits, best = np.array([[1.0, 0.0]] * 3), np.array([[np.log(4.0), 0.0]] * 3)
    value = margin_disparity(tensors(logits, logits), *tensors(best, best))
    np.testing.assert_allclose(float(value), 4 * np.log(1.25) + np.log(5), rtol=1e-6)


def test_a_single_class_is_refused():
    one = keras.ops.ones((3, 1))
    with pytest.raises(ValueError, match="at least 2 classes"):
        margin_disparity((one, one), one, one)
