import keras
import numpy as np
import pytest
import scipy.stats

from tlkeras.ops import check_classes, entropy_weights, multilinear_map

RNG = np.random.default_rng(0)


def test_the_map_is_the_flat_outer_product_of_each_row():
    features, p = RNG.normal(size=(5, 4)), RNG.dirichlet(np.ones(3), 5)
    received = multilinear_map(keras.ops.convert_to_tensor(features), keras.ops.convert_to_tensor(p))
    expected = [np.outer(row, chances).ravel() for row, chances in zip(features, p, strict=True)]
    np.testing.assert_allclose(np.array(received), expected, rtol=1e-6)


def test_weights_follow_the_entropy_and_have_mean_1():
    p = RNG.dirichlet(np.ones(3), 6).astype("float32")
    expected = 1 + np.exp(-scipy.stats.entropy(p, axis=1))
    received = np.array(entropy_weights(keras.ops.convert_to_tensor(p)))
    np.testing.assert_allclose(received, expected / expected.mean(), rtol=1e-5)
    np.testing.assert_allclose(np.array(entropy_weights(keras.ops.convert_to_tensor(p[:1]))), [1.0])


def test_wrong_ranks_and_a_single_class_are_refused():
    with pytest.raises(ValueError, match="`features` must have rank 2"):
        multilinear_map(keras.ops.ones((2, 3, 4)), keras.ops.ones((2, 3)))
    with pytest.raises(ValueError, match="`logits` must have at least 2 classes.*Received: shape=\\(2, 1\\)"):
        check_classes("logits", keras.ops.ones((2, 1)))
