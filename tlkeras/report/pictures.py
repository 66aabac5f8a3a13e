"""Target images with what the model says about them."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import matplotlib.image
import numpy as np

SMALLEST_SIDE = 96  # pixels; smaller images are enlarged by a whole factor, each pixel a square


@dataclass(frozen=True)
class Gallery:
    """Pictures with captions: `items` are `(png bytes, caption, is_wrong)`."""

    items: Sequence[tuple[bytes, str, bool]]
    caption: str = ""
    kind: ClassVar[str] = "gallery"


def gallery(
    images, predictions, confidences, *, labels=None, class_names=None, count: int = 40, value_range=(0, 255)
) -> Gallery:
    """Show images with predicted class and confidence; wrong ones are marked and name the true class.

    `count` images are taken at equal distances, so the choice neither flatters nor depends on a seed; pass a subset
    (the wrong ones, say) to show that subset.

    Args:
        images: Array `(n, height, width)` or `(n, height, width, 1 or 3)`.
        predictions: Integer array `(n,)`.
        confidences: Array `(n,)` in [0, 1].
        labels: Integer array `(n,)` of true classes; without it nothing is marked.
        class_names: One name a class; the numbers by default.
        count: How many to show at most.
        value_range: The values of black and white in `images`.

    Returns:
        A `Gallery`, one part of a page.

    Raises:
        ValueError: If the lengths differ or `images` has another shape.
    """
    images = np.asarray(images)
    if images.ndim == 3:
        images = images[..., np.newaxis]
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise ValueError(f"`images` must have the shape (n, height, width, 1 or 3). Received: {images.shape}")
    lengths = [len(images), len(predictions), len(confidences), len(images) if labels is None else len(labels)]
    if len(set(lengths)) > 1:
        raise ValueError(f"images, predictions, confidences and labels must be equally many. Received: {lengths}")
    items = []
    for index in np.unique(np.linspace(0, len(images) - 1, min(count, len(images))).astype(int)):
        wrong = labels is not None and labels[index] != predictions[index]
        caption = f"{_name(predictions[index], class_names)} · {100 * float(confidences[index]):.0f} %"
        if wrong:
            caption = f"✗ {caption}, is {_name(labels[index], class_names)}"
        items.append((_png(images[index], value_range), caption, bool(wrong)))
    shown = f"{len(items)} of {len(images)} images, at equal distances: predicted class and confidence."
    return Gallery(items, shown + ("" if labels is None else " Framed and marked ✗: wrong."))


def _name(index, class_names) -> str:
    return str(class_names[index]) if class_names is not None else str(index)


def _png(image: np.ndarray, value_range) -> bytes:
    low, high = value_range
    pixels = np.clip(np.round((image.astype("float64") - low) * (255 / (high - low))), 0, 255).astype("uint8")
    factor = max(1, -(-SMALLEST_SIDE // min(pixels.shape[:2])))
    pixels = np.repeat(np.repeat(np.broadcast_to(pixels, (*pixels.shape[:2], 3)), factor, 0), factor, 1)
    buffer = io.BytesIO()
    matplotlib.image.imsave(buffer, np.ascontiguousarray(pixels), format="png")
    return buffer.getvalue()
