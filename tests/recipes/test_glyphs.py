import numpy as np
import pytest

from recipes.common.glyphs import FONTS, render

DIGITS = "0123456789"


def test_same_seed_same_images_other_seed_other_images():
    first, labels = render(DIGITS, 50, seed=3)
    again, same_labels = render(DIGITS, 50, seed=3)
    other, _ = render(DIGITS, 50, seed=4)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(labels, same_labels)
    assert (first != other).any()


def test_shape_dtype_and_equally_many_of_each_character():
    images, labels = render(DIGITS, 205, seed=0)
    assert images.shape == (205, 8, 8, 1) and images.dtype == np.uint8
    counts = np.bincount(labels, minlength=10)
    assert counts.min() == 20 and counts.max() == 21


def test_values_are_block_counts_of_a_binary_32x32_bitmap():
    images, _ = render(DIGITS, 300, seed=0)
    steps = np.rint(np.arange(17) * 255 / 16).astype("uint8")
    assert set(np.unique(images)) == set(steps)


def test_the_bounding_box_fills_the_height():
    images, _ = render(DIGITS, 300, seed=1)
    assert (images[:, 0].max((1, 2)) > 0).all() and (images[:, -1].max((1, 2)) > 0).all()


def test_at_least_ten_fonts_and_each_draws_its_own_digits():
    assert len(set(FONTS)) >= 10
    drawn = [render(DIGITS, 10, seed=0, fonts=(font,), distortion=0.0)[0] for font in FONTS]
    assert len({images.tobytes() for images in drawn}) == len(FONTS)


def test_every_font_draws_digits_and_letters_that_differ():
    for font in FONTS:
        images, labels = render("0147AMTW", 8, seed=0, fonts=(font,), distortion=0.0)
        assert len({image.tobytes() for image in images}) == 8, font
        assert sorted(labels) == list(range(8))


def test_looks_like_the_unlabelled_real_digits():
    from sklearn.datasets import load_digits

    real, (images, _) = load_digits().images, render(DIGITS, 2000, seed=0)
    images = images[..., 0] / 255 * 16
    assert abs(images.mean() - real.mean()) < 0.5
    assert abs((images == 0).mean() - (real == 0).mean()) < 0.05
    assert np.corrcoef(images.mean(0).ravel(), real.mean(0).ravel())[0, 1] > 0.9


@pytest.mark.parametrize("arguments", [("", 5), (DIGITS, -1)])
def test_refuses_nothing_to_draw(arguments):
    with pytest.raises(ValueError, match="Received"):
        render(*arguments, seed=0)
