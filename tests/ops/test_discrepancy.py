import keras
import numpy as np

from tlkeras.ops import coral, mmd


def tensor(x):
    return keras.ops.convert_to_tensor(np.asarray(x, "float32"))


def test_coral_by_hand():
    """Variances 2 and 8 in one dimension: (2 - 8)^2 / 4."""
    assert float(coral(tensor([[-1.0], [1.0]]), tensor([[-2.0], [2.0]]))) == 9.0


def test_mmd_of_samples_of_different_size_by_hand():
    """Source {0, 0}, target {1}: distances 0 and 1, mean over the pairs 2 / 3."""
    k = np.exp(-1 / (2 * 2 / 3))
    np.testing.assert_allclose(float(mmd(tensor([[0.0], [0.0]]), tensor([[1.0]]), (1.0,))), 2 - 2 * k, rtol=1e-5)


def test_mmd_grows_with_the_distance_of_the_means():
    random = np.random.default_rng(0)
    near, far = ([mmd(tensor(random.normal(size=(50, 3))), tensor(random.normal(s, 1, (50, 3))))] for s in (0.5, 3.0))
    assert 0 < float(near[0]) < float(far[0]) < 2
