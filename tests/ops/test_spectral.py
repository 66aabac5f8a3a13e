import keras
import numpy as np
import pytest

from tlkeras.ops import largest_squared_singular_values, nuclear_norm, squared_singular_values

RNG = np.random.default_rng(0)


def tensor(array):
    return keras.ops.convert_to_tensor(array, "float32")


@pytest.mark.parametrize("shape", [(5, 8), (8, 5), (4, 4), (1, 3)])
def test_squares_equal_the_singular_values_of_numpy(shape):
    x = RNG.normal(size=shape)
    expected = np.linalg.svd(x, compute_uv=False)[::-1] ** 2
    received = keras.ops.convert_to_numpy(squared_singular_values(tensor(x)))
    np.testing.assert_allclose(received, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("count", [1, 3, 9])
def test_the_largest_are_summed(count):
    x = RNG.normal(size=(5, 8))
    expected = (np.linalg.svd(x, compute_uv=False)[:count] ** 2).sum()
    np.testing.assert_allclose(float(largest_squared_singular_values(tensor(x), count)), expected, rtol=1e-4)


@pytest.mark.parametrize("shape", [(5, 8), (8, 5), (1, 3)])
def test_nuclear_norm_equals_numpy(shape):
    x = RNG.normal(size=shape)
    np.testing.assert_allclose(float(nuclear_norm(tensor(x))), np.linalg.norm(x, "nuc"), rtol=1e-4)


@pytest.mark.parametrize("function", [nuclear_norm, squared_singular_values])
def test_a_wrong_rank_is_refused(function):
    with pytest.raises(ValueError, match="`x` must have rank 2"):
        function(tensor(np.ones((2, 3, 4))))


@pytest.mark.parametrize("function", [nuclear_norm, largest_squared_singular_values])
def test_features_that_are_nan_give_nan(function):
    assert np.isnan(float(function(tensor([[np.nan, 1.0], [2.0, 3.0], [0.0, 1.0]]))))
