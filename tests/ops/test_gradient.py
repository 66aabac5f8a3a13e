import keras
import numpy as np
import pytest

from tlkeras.layers import GradientReversal
from tlkeras.ops import reverse_gradient


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
