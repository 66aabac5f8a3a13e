import keras
import numpy as np
import pytest
import scipy.stats

from tlkeras.ops import central_moment_discrepancy

RNG = np.random.default_rng(0)


def tensor(x):
    return keras.ops.convert_to_tensor(np.asarray(x, "float32"))


@pytest.mark.parametrize("moments", [1, 2, 5])
def test_it_equals_the_moments_of_scipy(moments):
    x, y = RNG.uniform(-1, 1, (7, 3)), RNG.uniform(0, 1, (5, 3))
    expected = np.linalg.norm(x.mean(0) - y.mean(0)) / 2
    for order in range(2, moments + 1):
        expected += np.linalg.norm(scipy.stats.moment(x, order) - scipy.stats.moment(y, order)) / 2**order
    received = central_moment_discrepancy(tensor(x), tensor(y), 2.0, moments)
    np.testing.assert_allclose(float(received), expected, rtol=1e-5)


def test_the_gradient_of_equal_batches_is_0_and_not_nan():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, use_bias=False)])
    model.compile(keras.optimizers.SGD(1.0), lambda y, x: central_moment_discrepancy(x, x), run_eagerly=True)
    before = model.get_weights()[0]
    model.train_on_batch(RNG.normal(size=(4, 3)), np.zeros((4, 2)))
    np.testing.assert_array_equal(model.get_weights()[0], before)


def test_a_wrong_rank_is_refused():
    with pytest.raises(ValueError, match="`target` must have rank 2.*Received: shape=\\(3,\\)"):
        central_moment_discrepancy(keras.ops.ones((2, 3)), keras.ops.ones((3,)))
