import keras
import numpy as np

from tlkeras.ops import gaussian_mixture, squared_distances


def test_squared_distances_equal_the_loop():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(4, 3)).astype("float32"), random.normal(size=(5, 3)).astype("float32")
    expected = [[((a - b) ** 2).sum() for b in y] for a in x]
    received = squared_distances(keras.ops.convert_to_tensor(x), keras.ops.convert_to_tensor(y))
    np.testing.assert_allclose(np.array(received), expected, rtol=1e-4)


def test_gaussian_mixture_by_hand():
    """Two rows at squared distance 4: the width is 4, so the kernels are exp(-1 / 2m)."""
    distances = keras.ops.convert_to_tensor([[0.0, 4.0], [4.0, 0.0]])
    expected = (np.exp(-1 / (2 * 0.5)) + np.exp(-1 / (2 * 2.0))) / 2
    np.testing.assert_allclose(
        np.array(gaussian_mixture(distances, (0.5, 2.0))), [[1, expected], [expected, 1]], rtol=1e-6
    )


def test_equal_rows_give_ones_and_not_nan():
    np.testing.assert_array_equal(np.array(gaussian_mixture(keras.ops.zeros((3, 3)), (1.0,))), np.ones((3, 3)))
