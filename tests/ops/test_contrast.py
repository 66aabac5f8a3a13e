import keras
import numpy as np
import pytest

from tlkeras.ops import class_indices, contrast

RNG = np.random.default_rng(0)


def test_contrast_equals_a_loop():
    similarities = RNG.uniform(-1, 1, (4, 6))
    positive, valid = RNG.uniform(size=(4, 6)) < 0.5, RNG.uniform(size=(4, 6)) < 0.7
    positive[:, 0] = valid[:, 0] = True
    rows = []
    for s, p, v in zip(similarities / 0.2, positive, valid, strict=True):
        total = np.log(sum(np.exp(s[k]) for k in range(6) if v[k]))
        rows.append(-np.mean([s[k] - total for k in range(6) if p[k] and v[k]]))
    received = contrast(*(keras.ops.convert_to_tensor(value) for value in (similarities, positive, valid)), 0.2)
    np.testing.assert_allclose(float(received), np.mean(rows), rtol=1e-5)


def test_one_hot_labels_are_refused():
    assert keras.ops.convert_to_numpy(class_indices(keras.ops.convert_to_tensor([[3], [1]]))).tolist() == [3, 1]
    with pytest.raises(ValueError, match="argmax of one-hot rows. Received: rows of shape \\(3,\\)"):
        class_indices(keras.ops.eye(3))


@pytest.mark.parametrize("dtype", ["float32", "bool"])
def test_labels_that_are_not_integers_are_refused(dtype):
    with pytest.raises(ValueError, match="cannot read regression targets.*Received: dtype="):
        class_indices(keras.ops.ones((3,), dtype=dtype))
