import numpy as np
import pytest

from tlkeras.data import check_labels, check_multi_hot, check_value_range, check_values

IMAGES = np.random.default_rng(0).uniform(0, 255, (4, 8, 8, 3))


def test_labels():
    check_labels(np.array([0, 2, 1]), 3)
    check_labels(np.eye(3), 3)
    with pytest.raises(ValueError, match="0..2 .*Received: 2 labels outside, such as \\[-1, 3\\], the first in row 1"):
        check_labels(np.array([0, 3, 1, -1]), 3)
    with pytest.raises(ValueError, match="Received: 3 columns"):
        check_labels(np.eye(3), 4)


def test_images_scaled_for_another_model():
    check_value_range(IMAGES, (0, 255), "source")
    check_value_range(IMAGES.astype("uint8"), (0, 255), "source")
    check_value_range(np.zeros((4, 8, 8, 3), "uint8"), (0, 255), "source")
    check_value_range(IMAGES / 255, (0, 1), "source")
    check_value_range(IMAGES / 255, None, "source")
    check_value_range(np.zeros((4, 1280)), (0, 255), "source")
    with pytest.raises(ValueError, match="source images look scaled to \\[0, 1\\]"):
        check_value_range(IMAGES / 255, (0, 255), "source")
    with pytest.raises(ValueError, match="target images must be in \\[0, 1\\].*from_hub"):
        check_value_range(IMAGES, (0, 1), "target")
    with pytest.raises(ValueError, match="Received: value_range=\\(-1, 1\\)"):
        check_value_range(IMAGES, (-1, 1), "target")


def test_labels_that_are_no_classes():
    with pytest.raises(ValueError, match="must be whole numbers.*regressor.*Received: 0.5 in row 1"):
        check_labels(np.array([0.0, 0.5]), 3)
    check_labels(np.array([0.0, 2.0]), 3)
    check_labels(np.array([[0.9, 0.1], [0.5, 0.5]]), 2)
    with pytest.raises(ValueError, match=r"sum 1 .*multi_label.*Received: 1 other rows, the first row 1: \[1, 1, 0\]"):
        check_labels(np.array([[0, 1, 0], [1, 1, 0]]), 3)
    with pytest.raises(ValueError, match="`labels` must be numbers.*Received: dtype=<U3, such as 'cat'"):
        check_labels(np.array(["cat", "dog"]), 2)


def test_several_labels_a_row():
    check_multi_hot(np.array([[0, 1, 1], [0, 0, 0]]), 3)
    check_multi_hot(np.array([[0.5, 1.0]]), 2)
    with pytest.raises(ValueError, match=r"each of the 3 labels, \(rows, 3\). Received: shape=\(2, 4\)"):
        check_multi_hot(np.zeros((2, 4)), 3)
    with pytest.raises(ValueError, match="Received: shape=\\(2,\\)"):
        check_multi_hot(np.array([0, 1]), 3)
    with pytest.raises(ValueError, match=r"Received: 1 other rows, the first row 1: \[2, 0\]"):
        check_multi_hot(np.array([[0, 1], [2, 0]]), 2)
    with pytest.raises(ValueError, match="must be finite"):
        check_multi_hot(np.array([[np.nan, 1]]), 2)


def test_values():
    check_values(np.array([1.0, 2.0]))
    check_values(np.array([[1, 2], [2, 3]]), 2)
    with pytest.raises(ValueError, match="Received: 2 in all 2 rows of column 1"):
        check_values(np.array([[1, 2], [3, 2]]), 2)
