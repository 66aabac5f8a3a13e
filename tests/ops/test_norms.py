import keras
import numpy as np
import pytest

from tlkeras.ops import norm_gap, norm_step, row_norms

X = np.random.default_rng(0).normal(size=(5, 3))


def tensor(array):
    return keras.ops.convert_to_tensor(array, "float32")


def test_row_norms_equal_numpy():
    received = keras.ops.convert_to_numpy(row_norms(tensor(X)))
    np.testing.assert_allclose(received, np.linalg.norm(X, axis=1), rtol=1e-5)


def test_norm_gap_equals_numpy():
    expected = (np.linalg.norm(X, axis=1).mean() - 5.0) ** 2
    np.testing.assert_allclose(float(norm_gap(tensor(X), 5.0)), expected, rtol=1e-5)


def test_norm_step_is_the_squared_step():
    assert float(norm_step(tensor(X), 0.5)) == pytest.approx(0.25)


@pytest.mark.parametrize("function", [row_norms, norm_step, norm_gap])
def test_a_wrong_rank_is_refused(function):
    with pytest.raises(ValueError, match="`x` must have rank 2"):
        function(tensor(np.ones((2, 3, 4))))
