import numpy as np
import pytest

from tlkeras.data import check_labels, check_value_range

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
