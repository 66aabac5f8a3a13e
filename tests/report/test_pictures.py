import io

import matplotlib.image
import numpy as np
import pytest

from tlkeras.report import gallery


def pixels(png):
    return np.round(255 * matplotlib.image.imread(io.BytesIO(png))[..., :3])


def test_wrong_predictions_are_marked_with_the_true_class():
    part = gallery(np.zeros((3, 8, 8, 1)), [0, 1, 1], [0.5, 0.914, 1.0], labels=[0, 0, 1], class_names=["cat", "dog"])
    assert [(caption, wrong) for _, caption, wrong in part.items] == [
        ("cat · 50 %", False), ("✗ dog · 91 %, is cat", True), ("dog · 100 %", False),
    ]  # fmt: skip
    assert "wrong" in part.caption


def test_without_labels_nothing_is_marked():
    part = gallery(np.zeros((2, 8, 8)), [0, 1], [0.5, 0.5])
    assert not any(wrong for _, _, wrong in part.items) and "wrong" not in part.caption


def test_small_images_are_enlarged_by_whole_pixels():
    image = np.array([[0.0, 255.0], [51.0, 300.0]])
    enlarged = pixels(gallery(image[None], [0], [1.0]).items[0][0])
    assert enlarged.shape == (96, 96, 3)
    np.testing.assert_array_equal(enlarged[::48, ::48, 0], [[0, 255], [51, 255]])
    np.testing.assert_array_equal(enlarged, np.repeat(np.repeat(enlarged[::48, ::48], 48, 0), 48, 1))


def test_colour_range_and_size_of_large_images():
    image = np.zeros((1, 100, 120, 3))
    image[..., 0] = 1.0
    shown = pixels(gallery(image, [0], [1.0], value_range=(0, 1)).items[0][0])
    assert shown.shape == (100, 120, 3) and shown[0, 0].tolist() == [255, 0, 0]


def test_at_most_count_images_over_the_whole_set():
    images = np.arange(100.0)[:, None, None] * np.ones((1, 4, 4))
    part = gallery(images, np.zeros(100, int), np.ones(100), count=5)
    assert [int(pixels(png)[0, 0, 0]) for png, _, _ in part.items] == [0, 24, 49, 74, 99]
    assert part.caption.startswith("5 of 100")


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="equally many"):
        gallery(np.zeros((3, 8, 8)), [0, 1], [0.5, 0.5])
    with pytest.raises(ValueError, match="must have the shape"):
        gallery(np.zeros((3, 8)), [0] * 3, [0.5] * 3)
