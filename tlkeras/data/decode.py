"""An encoded image file to pixels of one size, by Pillow."""

import io

import numpy as np
from PIL import Image, ImageOps

FITS = ("crop", "stretch")


def decode(encoded, size, fit="crop", *, channels=3):
    """Decodes one image to 8-bit RGB, or grey, of the given size.

    Cameras' EXIF rotation is applied; grey, palette and CMYK images become RGB; transparent pixels are laid over white;
    16-bit grey is divided by 257 (Pillow's own conversion clips it to white). Of an animation or a stack of pages the
    first is taken. The resizing is bilinear with antialiasing; a JPEG of more than four times the size is shrunk while
    it is decoded, which is several times as fast. A changed byte inside JPEG data is not noticed where the decoder
    does not notice it; a file cut short always is.

    Args:
        encoded: Bytes of an image file.
        size: `(height, width)` of the result.
        fit: `"crop"` keeps the proportions and cuts the longer side, centred; `"stretch"` keeps every part of the
            image and changes its proportions.
        channels: 3 for RGB, 1 for grey (luma).

    Returns:
        uint8 array `(height, width, channels)`.

    Raises:
        ValueError: If `fit` or `channels` is unknown, or the pixels have no known range (float, or above 65535).
        Exception: Whatever Pillow raises for a broken file; its decoders raise many types.

    Example:
        >>> from PIL import Image
        >>> file = io.BytesIO()
        >>> Image.new("L", (40, 20), 128).save(file, "PNG")
        >>> decode(file.getvalue(), (8, 8))[0, 0]
        array([128, 128, 128], dtype=uint8)
    """
    check_look(fit, channels)
    height, width = size
    with Image.open(io.BytesIO(encoded)) as file:
        file.draft(None, (2 * max(size), 2 * max(size)))
        image = _as_rgb(ImageOps.exif_transpose(file))
    if fit == "crop":
        image = ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR)
    else:
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image if channels == 3 else image.convert("L")).reshape(height, width, channels)


def check_look(fit, channels):
    """Raises a ValueError unless `fit` is `"crop"` or `"stretch"` and `channels` is 1 or 3."""
    if fit not in FITS:
        raise ValueError(f'`fit` must be "crop" or "stretch". Received: fit={fit!r}')
    if channels not in (1, 3):
        raise ValueError(f"`channels` must be 3 for RGB or 1 for grey. Received: channels={channels!r}")


def _as_rgb(image):
    if image.mode == "F" or image.mode.startswith("I"):
        return Image.fromarray(_from_16_bits(image)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")


def _from_16_bits(image):
    values = np.asarray(image)
    if values.dtype.kind == "f" or values.min() < 0 or values.max() > 65535:
        raise ValueError(
            "pixels must be 8-bit or unsigned 16-bit, the range of others is unknown: save the image in one of these. "
            f"Received: {values.dtype} from {values.min()} to {values.max()}"
        )
    return np.round(values / 257).astype("uint8")
