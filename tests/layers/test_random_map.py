import keras
import numpy as np
import pytest

from tlkeras.layers import RandomMap

RNG = np.random.default_rng(0)


def test_it_multiplies_two_projections_that_are_saved_and_not_trained(tmp_path):
    inputs = keras.Input((4,)), keras.Input((3,))
    model = keras.Model(inputs, RandomMap(units=6, name="map")(*inputs))
    x, y = RNG.normal(size=(5, 4)).astype("float32"), RNG.normal(size=(5, 3)).astype("float32")
    left, right = (np.array(matrix) for matrix in model.get_layer("map").projections)
    np.testing.assert_allclose(model.predict([x, y], verbose=0), (x @ left) * (y @ right) / 6**0.5, rtol=1e-4)
    assert model.trainable_variables == []
    model.save(tmp_path / "m.keras")
    restored = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(restored.predict([x, y], verbose=0), model.predict([x, y], verbose=0))


def test_its_inner_products_estimate_those_of_the_outer_products():
    keras.utils.set_random_seed(0)
    layer = RandomMap(units=40_000)
    x, y = RNG.normal(size=(2, 4)).astype("float32"), RNG.normal(size=(2, 3)).astype("float32")
    first, second = np.array(layer(x, y))
    np.testing.assert_allclose(first @ second, (x[0] @ x[1]) * (y[0] @ y[1]), atol=0.3)
    np.testing.assert_allclose(first @ first, (x[0] @ x[0]) * (y[0] @ y[0]), rtol=0.05)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="`units` must be an integer >= 1. Received: units=0"):
        RandomMap(units=0)
    with pytest.raises(ValueError, match="`x` must have rank 2"):
        RandomMap(units=2)(keras.ops.ones((2, 3, 4)), keras.ops.ones((2, 3)))
