import keras
import numpy as np
import pytest

from tlkeras.ops import adversarial_direction, random_rows, unit_rows

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("scale", [1e-25, 1.0, 1e25])
def test_unit_rows_have_length_1_at_any_scale(scale):
    rows = RANDOM.normal(size=(3, 4, 5)).astype("float32")
    expected = rows / np.linalg.norm(rows.reshape(3, -1), axis=1)[:, None, None]
    found = unit_rows(keras.ops.convert_to_tensor(rows * np.float32(scale)))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found), expected, rtol=1e-5)


def test_a_row_of_zeros_stays_one():
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(unit_rows(keras.ops.zeros((2, 3)))), np.zeros((2, 3)))


def test_random_rows_point_everywhere():
    """The mean of directions drawn uniformly is near 0, their covariance near the identity / 3."""
    rows = keras.ops.convert_to_numpy(random_rows(keras.ops.zeros((4000, 3)), seed=0))
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(rows.mean(axis=0), 0, atol=0.05)
    np.testing.assert_allclose(rows.T @ rows / 4000, np.eye(3) / 3, atol=0.05)


def test_one_step_of_the_power_method_for_each_row():
    """Of `r^T A_i r / 2` it is `A_i r` divided by its length."""
    halves, start = RANDOM.normal(size=(4, 3, 3)), RANDOM.normal(size=(4, 3)).astype("float32")
    matrices = np.einsum("nij,nkj->nik", halves, halves).astype("float32")
    found = adversarial_direction(lambda r: keras.ops.sum(keras.ops.einsum("ni,nij,nj->n", r, matrices, r)) / 2, start)
    step = np.einsum("nij,nj->ni", matrices, start)
    expected = step / np.linalg.norm(step, axis=1, keepdims=True)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found), expected, rtol=1e-4, atol=1e-6)
