import keras
import numpy as np
import pytest

from tlkeras.ops import covariance


def test_covariance_equals_numpy():
    x = np.random.default_rng(0).normal(size=(7, 3)).astype("float32")
    np.testing.assert_allclose(np.array(covariance(keras.ops.convert_to_tensor(x))), np.cov(x, rowvar=False), rtol=1e-5)


def test_one_row_and_wrong_rank_are_refused():
    with pytest.raises(ValueError, match="at least 2 rows"):
        covariance(keras.ops.ones((1, 3)))
    with pytest.raises(ValueError, match="rank 2.*Received: shape=\\(2, 3, 4\\)"):
        covariance(keras.ops.ones((2, 3, 4)))
