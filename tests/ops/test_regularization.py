import keras
import numpy as np
import pytest

from tlkeras.ops import attended_distance, batch_spectral_shrinkage, half_squared_norm

RNG = np.random.default_rng(0)


def tensor(array):
    return keras.ops.convert_to_tensor(array, "float32")


def test_half_squared_norm_equals_numpy():
    arrays = [RNG.normal(size=(3, 2)), RNG.normal(size=5)]
    expected = sum(np.linalg.norm(array) ** 2 for array in arrays) / 2
    np.testing.assert_allclose(float(half_squared_norm([tensor(a) for a in arrays])), expected, rtol=1e-6)
    assert float(half_squared_norm([])) == 0


@pytest.mark.parametrize("shape", [(5, 8), (8, 5), (4, 4)])
@pytest.mark.parametrize("count", [1, 3])
def test_batch_spectral_shrinkage_equals_the_singular_values_of_numpy(shape, count):
    features = RNG.normal(size=shape)
    expected = (np.linalg.svd(features, compute_uv=False)[-count:] ** 2).sum()
    np.testing.assert_allclose(float(batch_spectral_shrinkage(tensor(features), count)), expected, rtol=1e-4)


def test_more_columns_than_there_are_is_refused():
    with pytest.raises(ValueError, match="at least `count` columns. Received: shape=\\(4, 2\\), count=3"):
        batch_spectral_shrinkage(tensor(np.ones((4, 2))), 3)


def test_attended_distance_equals_a_loop():
    maps, start = RNG.normal(size=(2, 3, 4, 4, 5))
    attention = RNG.dirichlet(np.ones(5))
    expected = 0.0
    for row in range(3):
        for channel in range(5):
            difference = (maps - start)[row, :, :, channel]
            expected += 0.5 * 5 * attention[channel] * (difference**2).sum() / 16 / 3
    received = attended_distance(tensor(maps), tensor(start), tensor(attention))
    np.testing.assert_allclose(float(received), expected, rtol=1e-5)


def test_attended_distance_of_vectors_under_uniform_attention_is_the_plain_one():
    a, b = RNG.normal(size=(2, 6, 3))
    expected = 0.5 * ((a - b) ** 2).sum(axis=1).mean()
    received = attended_distance(tensor(a), tensor(b), tensor(np.ones(3) / 3))
    np.testing.assert_allclose(float(received), expected, rtol=1e-5)
