import keras
import numpy as np
import pytest

from tlkeras import ops

RNG = np.random.default_rng(0)


def nearest(features, prototypes):
    tensors = [keras.ops.convert_to_tensor(rows, "float32") for rows in (features, prototypes)]
    return keras.ops.convert_to_numpy(ops.nearest_prototype(*tensors))


def test_the_largest_cosine_wins_whatever_the_lengths():
    features, prototypes = RNG.normal(size=(20, 5)), RNG.normal(size=(4, 5))
    cosines = features @ prototypes.T / np.linalg.norm(features, axis=1)[:, None] / np.linalg.norm(prototypes, axis=1)
    lengths = np.array([1e-3, 1.0, 50.0, 1e-9])
    np.testing.assert_array_equal(nearest(features, lengths[:, None] * prototypes), cosines.argmax(axis=1))


def test_a_row_of_zeros_is_no_candidate():
    prototypes = np.array([[0.0, 0.0], [-1.0, 0.0], [1e-30, 0.0]])
    assert nearest([[1.0, 0.0], [0.0, 0.0]], prototypes).tolist() == [1, 1]
    assert nearest([[1.0, 0.0]], np.zeros((3, 2))).tolist() == [0]


def test_other_ranks_are_refused():
    with pytest.raises(ValueError, match="`features` must have rank 2"):
        nearest(np.ones((2, 3, 4)), np.ones((2, 4)))
    with pytest.raises(ValueError, match="`prototypes` must have rank 2"):
        nearest(np.ones((2, 4)), np.ones(4))
