import io

import numpy as np
import pytest
from PIL import Image

from tlkeras.data.decode import decode


def encoded(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def ramp(dtype, top):
    return np.round(np.linspace(0, top, 64)).astype(dtype).reshape(8, 8)


def test_grey_palette_and_one_bit_become_rgb():
    grey = Image.fromarray(ramp("uint8", 255))
    for image in (grey, grey.convert("P")):
        np.testing.assert_array_equal(decode(encoded(image), (8, 8)), np.repeat(ramp("uint8", 255)[..., None], 3, 2))
    black_and_white = decode(encoded(grey.convert("1")), (8, 8))
    assert black_and_white.shape == (8, 8, 3) and set(np.unique(black_and_white)) == {0, 255}


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_16_bit_grey_is_scaled_and_not_clipped(kind):
    pixels = decode(encoded(Image.fromarray(ramp("uint16", 65535)), kind), (8, 8))
    np.testing.assert_array_equal(pixels[..., 1], np.round(ramp("uint16", 65535) / 257))
    assert pixels.min() == 0 and pixels.max() == 255


def test_pixels_without_a_known_range_are_refused():
    with pytest.raises(ValueError, match="range of others is unknown.*Received: float32 from 0.0 to 1.0"):
        decode(encoded(Image.fromarray(ramp("float32", 63) / 63), "TIFF"), (8, 8))
    with pytest.raises(ValueError, match="Received: int32 from 0 to 70000"):
        decode(encoded(Image.fromarray(ramp("int32", 70000)), "TIFF"), (8, 8))


def test_transparent_pixels_are_laid_over_white():
    colours = np.zeros((8, 8, 4), "uint8")
    colours[:4] = (255, 0, 0, 255)
    colours[4:] = (10, 20, 30, 0)
    pixels = decode(encoded(Image.fromarray(colours)), (8, 8))
    assert pixels[0, 0].tolist() == [255, 0, 0] and pixels[7, 7].tolist() == [255, 255, 255]
    half = Image.new("LA", (8, 8), (0, 127))
    assert decode(encoded(half), (8, 8))[0, 0].tolist() == [128, 128, 128]
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([200, 0, 0])
    assert decode(encoded(palette, transparency=0), (8, 8))[0, 0].tolist() == [255, 255, 255]


def test_cmyk_jpeg_keeps_its_colour():
    pixels = decode(encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95), (8, 8))
    assert pixels[4, 4, 0] > 240 and pixels[4, 4, 1:].max() < 15


def test_exif_rotation_is_applied():
    image = Image.fromarray(np.repeat(np.array([[0] * 16, [255] * 16], "uint8"), 8, 0))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it 90 degrees clockwise
    pixels = decode(encoded(image, "JPEG", exif=exif, quality=100), (16, 16))
    assert pixels[:, 0].min() > 250 and pixels[:, -1].max() < 5


def test_crop_keeps_proportions_and_stretch_keeps_borders():
    wide = np.zeros((10, 30, 3), "uint8")
    wide[:, 10:20] = 200
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(wide)), (10, 10)), np.full((10, 10, 3), 200))
    stretched = decode(encoded(Image.fromarray(wide)), (10, 10), "stretch")
    assert stretched[0, 0, 0] == 0 and stretched[0, 5, 0] == 200 and stretched[0, 9, 0] == 0
    assert decode(encoded(Image.fromarray(wide)), (20, 5)).shape == (20, 5, 3)
    with pytest.raises(ValueError, match="`fit` must be .*Received: fit='pad'"):
        decode(encoded(Image.fromarray(wide)), (10, 10), "pad")


def test_grey_is_luma():
    pixels = decode(encoded(Image.new("RGB", (8, 8), (100, 200, 50))), (4, 4), channels=1)
    assert pixels.shape == (4, 4, 1) and pixels[0, 0, 0] == round(0.299 * 100 + 0.587 * 200 + 0.114 * 50)
    with pytest.raises(ValueError, match="`channels` must be .*Received: channels=4"):
        decode(encoded(Image.new("RGB", (8, 8))), (4, 4), channels=4)


def test_shrinking_is_antialiased():
    stripes = np.tile(np.array([0, 255], "uint8"), (64, 32))
    assert np.ptp(decode(encoded(Image.fromarray(stripes)), (8, 8))[:, 1:-1].astype(int)) <= 2


def test_a_large_jpeg_shrunk_while_decoding_looks_the_same():
    random = np.random.default_rng(0).integers(0, 255, (12, 16, 3), "uint8")
    photo = Image.fromarray(random).resize((800, 600), Image.Resampling.BICUBIC)
    for fit in ("crop", "stretch"):
        shrunk, whole = decode(encoded(photo, "JPEG", quality=95), (48, 64), fit), decode(encoded(photo), (48, 64), fit)
        assert np.abs(shrunk.astype(int) - whole).mean() < 1.5


def test_a_file_cut_short_raises():
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 255, (300, 300, 3), "uint8"))
    for kind in ("JPEG", "PNG", "BMP", "GIF", "WEBP"):
        content = encoded(photo, kind)
        with pytest.raises(Exception):  # noqa: B017  Pillow's decoders raise many types
            decode(content[: len(content) // 2], (16, 16))
