import keras
import numpy as np
import pytest

from tlkeras.layers import GradientReversal
from tlkeras.ops import gradient_penalty, input_gradient, reverse_gradient


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("strength", [0.1, 1 / 3, 1.0, 7.0])
def test_the_value_is_exactly_the_input(dtype, strength):
    x = keras.ops.cast(np.random.default_rng(0).normal(size=1000) * 10.0, dtype)
    same = keras.ops.equal(reverse_gradient(x, strength), x)
    assert bool(keras.ops.all(same))


@pytest.mark.parametrize("strength", [0.0, 0.3, 2.0])
def test_the_gradient_is_reversed_and_scaled(strength):
    """One SGD step of `sum(reverse(x * w))` moves w by `+strength * x`."""
    inputs = keras.Input((3,))
    weights = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", name="w")(inputs)
    model = keras.Model(inputs, GradientReversal(strength)(weights))
    model.compile(keras.optimizers.SGD(1.0), loss=lambda y, p: keras.ops.sum(p))
    x = np.array([[1.0, 2.0, 3.0]], "float32")
    model.train_on_batch(x, np.zeros((1, 1)))
    np.testing.assert_allclose(model.get_layer("w").get_weights()[0][:, 0], 1 + strength * x[0], rtol=1e-6)


RANDOM = np.random.default_rng(0)
ROWS, WEIGHTS = RANDOM.normal(size=(6, 3)).astype("float32"), RANDOM.normal(size=(3, 1)).astype("float32")


def squash(x, weights):
    return keras.ops.tanh(keras.ops.matmul(x, weights))


def test_the_gradient_of_each_row_is_its_own():
    """d tanh(x w) / dx = (1 - tanh^2(x w)) w."""
    expected = (1 - np.tanh(ROWS @ WEIGHTS) ** 2) @ WEIGHTS.T
    gradient = input_gradient(lambda x: squash(x, WEIGHTS), ROWS)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(gradient), expected, atol=1e-5)


def test_the_penalty_has_a_gradient_of_its_own():
    """Value from the closed form of the slopes, its gradient in the weights by central differences of that form."""

    def expected(weights):
        slopes = np.abs(1 - np.tanh(ROWS @ weights) ** 2) * np.linalg.norm(weights)
        return ((slopes - 1) ** 2).mean()

    weights = WEIGHTS.astype("float64")
    slope = np.zeros_like(weights)
    for row in range(3):
        step = np.zeros_like(weights)
        step[row] = 1e-5
        slope[row] = (expected(weights + step) - expected(weights - step)) / 2e-5
    penalty = gradient_penalty(lambda x: squash(x, WEIGHTS), ROWS)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(penalty), expected(weights), rtol=1e-5)
    gradient = input_gradient(lambda w: gradient_penalty(lambda x: squash(x, w), ROWS), WEIGHTS)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(gradient), slope, atol=1e-5)


def test_a_flat_function_has_a_finite_penalty_without_gradient():
    flat = keras.ops.zeros((3, 1))
    gradient = input_gradient(lambda w: gradient_penalty(lambda x: keras.ops.matmul(x, w), ROWS), flat)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(gradient), np.zeros((3, 1)))
