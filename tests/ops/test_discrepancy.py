import keras
import numpy as np
import pytest

from tlkeras.ops import coral, jmmd, lmmd, mmd


def tensor(x):
    return keras.ops.convert_to_tensor(np.asarray(x, "float32"))


def test_coral_by_hand():
    """Variances 2 and 8 in one dimension: (2 - 8)^2 / 4."""
    assert float(coral(tensor([[-1.0], [1.0]]), tensor([[-2.0], [2.0]]))) == 9.0


def test_coral_with_means_by_hand():
    """Variances 2 and 8 and means 0 and 3 in one dimension: ((2 - 8)^2 + 3^2) / 4."""
    assert float(coral(tensor([[-1.0], [1.0]]), tensor([[1.0], [5.0]]), means=True)) == 11.25


def test_twice_coral_with_means_is_what_tllib_computes():
    """tllib: half the mean squared difference of the means plus half that of the covariances."""
    random = np.random.default_rng(0)
    x, y = random.normal(size=(6, 3)), random.normal(1, 2, size=(5, 3))
    tllib = (((x.mean(0) - y.mean(0)) ** 2).mean() + ((np.cov(x.T) - np.cov(y.T)) ** 2).mean()) / 2
    np.testing.assert_allclose(2 * float(coral(tensor(x), tensor(y), means=True)), tllib, rtol=1e-5)


def test_mmd_of_samples_of_different_size_by_hand():
    """Source {0, 0}, target {1}: distances 0 and 1, mean over the pairs 2 / 3."""
    k = np.exp(-1 / (2 * 2 / 3))
    np.testing.assert_allclose(float(mmd(tensor([[0.0], [0.0]]), tensor([[1.0]]), (1.0,))), 2 - 2 * k, rtol=1e-5)


def test_mmd_grows_with_the_distance_of_the_means():
    random = np.random.default_rng(0)
    near, far = ([mmd(tensor(random.normal(size=(50, 3))), tensor(random.normal(s, 1, (50, 3))))] for s in (0.5, 3.0))
    assert 0 < float(near[0]) < float(far[0]) < 2


def test_jmmd_sees_a_dependence_that_its_parts_do_not():
    """Both layers have the same rows in both samples, paired differently."""
    x, y = np.array([[0.0], [0.0], [1.0], [1.0]]), np.array([[0.0], [1.0], [0.0], [1.0]])
    same, crossed = (tensor(x), tensor(x)), (tensor(x), tensor(y))
    np.testing.assert_allclose(float(mmd(crossed[1], same[1])), 0, atol=1e-6)
    assert float(jmmd(same, crossed, ((1.0,), (1.0,)))) > 0.05


def test_jmmd_of_one_layer_is_mmd():
    x, y = tensor([[0.0], [2.0]]), tensor([[1.0]])
    assert float(jmmd((x,), (y,), ((1.0,),))) == float(mmd(x, y, (1.0,)))


def test_lmmd_is_the_mean_of_mmd_over_the_shared_classes():
    """Certain classes 0 and 1 in both; class 2 only in the source, class 3 in neither."""
    random = np.random.default_rng(0)
    x, y, labels, others = random.normal(size=(5, 2)), random.normal(1, 1, (4, 2)), [0, 0, 1, 1, 2], [0, 1, 1, 1]
    both = np.concatenate([x, y])
    distances = ((both[:, None] - both[None]) ** 2).sum(-1)
    kernel = np.exp(-distances / (2 * distances[~np.eye(9, dtype=bool)].mean()))
    expected = 0.0
    for label in (0, 1):
        rows, columns = np.flatnonzero(np.array(labels) == label), 5 + np.flatnonzero(np.array(others) == label)
        parts = (kernel[np.ix_(a, b)].mean() for a, b in ((rows, rows), (columns, columns), (rows, columns)))
        expected += (next(parts) + next(parts) - 2 * next(parts)) / 2
    received = lmmd(tensor(x), tensor(y), tensor(np.eye(4)[labels]), tensor(np.eye(4)[others]), (1.0,))
    np.testing.assert_allclose(float(received), expected, rtol=1e-5)


def test_lmmd_without_a_shared_class_is_0():
    classes = tensor(np.eye(3))
    assert float(lmmd(tensor([[0.0], [1.0]]), tensor([[5.0]]), classes[:2], classes[2:])) == 0.0
    with pytest.raises(ValueError, match="`target_classes` must have at least 2 classes"):
        lmmd(tensor([[0.0]]), tensor([[5.0]]), tensor([[1.0]]), tensor([[1.0]]))
