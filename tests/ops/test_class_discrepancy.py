import keras
import numpy as np
import pytest

from tlkeras.ops import contrastive_discrepancy, mmd

RNG = np.random.default_rng(0)


def tensor(array):
    return keras.ops.convert_to_tensor(np.asarray(array, "float32"))


def test_two_far_clusters_by_hand():
    """Class 0 at 0, class 1 at 9, both domains alike: D(c, c) = 0, D(0, 1) = 2 - 2 k with the mean distance 54."""
    x, y = tensor([[0.0], [9.0]]), tensor(np.eye(2))
    expected = -(2 - 2 * np.exp(-81 / (2 * 54)))
    np.testing.assert_allclose(float(contrastive_discrepancy(x, x, y, y, (1.0,))), expected, rtol=1e-5)


def test_one_class_in_all_rows_is_the_discrepancy_of_the_samples():
    xs, xt = RNG.normal(size=(5, 3)), RNG.normal(size=(4, 3))
    received = contrastive_discrepancy(tensor(xs), tensor(xt), tensor([[0, 1]] * 5), tensor([[0, 1]] * 4))
    np.testing.assert_allclose(float(received), float(mmd(tensor(xs), tensor(xt))), rtol=1e-4)


@pytest.mark.parametrize("target_classes", [np.zeros((4, 2)), [[0, 1]] * 4])
def test_classes_that_are_on_one_side_only_count_nothing(target_classes):
    """No target row has a class; then only class 1 is there and the source has only class 0: one pair, across."""
    x = tensor(RNG.normal(size=(4, 3)))
    received = float(contrastive_discrepancy(x, x, tensor([[1, 0]] * 4), tensor(target_classes)))
    assert received == pytest.approx(0.0, abs=1e-6)
