import keras
import numpy as np
import pytest

from tlkeras.ops import random_directions, sliced_wasserstein

RNG = np.random.default_rng(0)


def tensor(x):
    return keras.ops.convert_to_tensor(np.asarray(x, "float32"))


@pytest.mark.parametrize("rows", [(6, 6), (7, 5), (4, 8), (1, 3), (1, 1)])
def test_it_equals_quantiles_row_by_row(rows):
    """Each sample repeated until both have n * m rows: their sorted values are the quantiles."""
    x, y = RNG.normal(size=(rows[0], 3)), RNG.normal(1, 2, size=(rows[1], 3))
    directions = RNG.normal(size=(3, 4))
    directions /= np.linalg.norm(directions, axis=0)
    repeated = (np.sort(np.repeat(a @ directions, times, axis=0), axis=0) for a, times in ((x, rows[1]), (y, rows[0])))
    expected = ((next(repeated) - next(repeated)) ** 2).mean()
    np.testing.assert_allclose(float(sliced_wasserstein(*map(tensor, (x, y, directions)))), expected, rtol=1e-5)


def test_it_equals_that_of_pot():
    ot = pytest.importorskip("ot", reason="POT is the reference")
    x, y = RNG.normal(size=(7, 3)), RNG.normal(1, 2, size=(5, 3))
    directions = ot.sliced.get_random_projections(3, 20, seed=0)
    expected = ot.sliced_wasserstein_distance(x, y, projections=directions) ** 2
    received = float(sliced_wasserstein(tensor(x), tensor(y), tensor(directions)))
    np.testing.assert_allclose(received, expected, rtol=1e-5)


def test_a_wrong_rank_is_refused():
    with pytest.raises(ValueError, match="`source` must have rank 2.*Received: shape=\\(2, 3, 3\\)"):
        sliced_wasserstein(tensor(np.ones((2, 3, 3))), tensor(np.ones((2, 3))), tensor(np.eye(3)))


def test_directions_are_uniform_on_the_sphere():
    """Length 1, mean 0, covariance 1 / d, fourth moment 3 / (d (d + 2)), each within four standard errors."""
    received = np.array(random_directions(3, 20_000, seed=0))
    np.testing.assert_allclose(np.linalg.norm(received, axis=0), 1, rtol=1e-5)
    np.testing.assert_allclose(received.mean(axis=1), 0, atol=4 * np.sqrt(1 / 3 / 20_000))
    np.testing.assert_allclose(received @ received.T / 20_000, np.eye(3) / 3, atol=4 * 0.3 / np.sqrt(20_000))
    np.testing.assert_allclose((received**4).mean(axis=1), 3 / (3 * 5), atol=4 * 0.27 / np.sqrt(20_000))
