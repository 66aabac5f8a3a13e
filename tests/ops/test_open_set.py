import keras
import numpy as np
import pytest

from tlkeras.ops import unknown_cross_entropy

LOGITS = np.random.default_rng(0).normal(0, 2, (6, 4)).astype("float32")


@pytest.mark.parametrize("threshold", [0.5, 0.2])
def test_it_is_the_cross_entropy_of_the_last_class(threshold):
    chances = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
    p = chances[:, -1]
    expected = np.mean(-threshold * np.log(p) - (1 - threshold) * np.log(1 - p))
    received = unknown_cross_entropy(keras.ops.convert_to_tensor(LOGITS), threshold)
    np.testing.assert_allclose(float(received), expected, rtol=1e-5)


def test_sure_predictions_are_finite():
    sure = keras.ops.convert_to_tensor([[1e4, 0.0, 0.0], [0.0, 0.0, 1e4]])
    np.testing.assert_allclose(float(unknown_cross_entropy(sure)), 5e3, rtol=1e-3)


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="`logits` must have at least 2 classes"):
        unknown_cross_entropy(keras.ops.zeros((3, 1)))
