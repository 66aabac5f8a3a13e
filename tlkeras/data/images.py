"""Labelled images that are decoded when they are asked for."""

import abc
import dataclasses
import functools
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import UnidentifiedImageError

from tlkeras.data.decode import check_look, decode
from tlkeras.data.labelled import LabelledRows


@dataclasses.dataclass(frozen=True, eq=False)
class LabelledImages(LabelledRows):
    """Images with class labels; `images[rows]` decodes those rows to uint8.

    `rows` is a slice, an array of indices or of booleans, and gives `(rows, height, width, channels)`; an integer gives
    one image. Nothing is kept in memory but what was asked for.

    Args:
        names: One name for each image, used in errors.
        labels: int64 array `(rows,)`, indices into `class_names`; -1 where there is none.
        class_names: Names of the classes.
        digests: SHA-256 of each encoded image.
        size: `(height, width)` of what is decoded.
        fit: `"crop"` or `"stretch"`, see `tlkeras.data.decode`.
        channels: 3 for RGB, 1 for grey.
    """

    size: tuple
    fit: str
    channels: int = 3

    @abc.abstractmethod
    def encoded(self, row: int) -> bytes:
        """Returns the encoded image of one row."""

    def __getitem__(self, rows):
        """Returns the pixels of `rows`, decoded by one thread for each core."""
        chosen = np.arange(len(self))[rows]
        if chosen.ndim == 0:
            return self._decoded(int(chosen))
        pixels = np.empty((len(chosen), *self.size, self.channels), "uint8")
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            for place, image in enumerate(threads.map(self._decoded, chosen.tolist())):
                pixels[place] = image
        return pixels

    def images(self):
        """Returns the pixels of every image, uint8 `(rows, height, width, channels)`."""
        return self[:]

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the content and order of the images, size, fit and channels: equal means equal pixels.

        Content and not the time of change: a copy, a checkout or another machine gives the same fingerprint, and the
        bytes were read anyhow when the images were verified.
        """
        return hashlib.sha256(repr((self.digests, self.size, self.fit, self.channels)).encode()).hexdigest()

    def shaped(self, shape):
        """Returns the same images at another `(height, width, channels)`, such as what a model takes."""
        check_look(self.fit, shape[-1])
        return dataclasses.replace(self, size=checked_size(shape[:-1]), channels=shape[-1])

    def _decoded(self, row):
        try:
            return decode(self.encoded(row), self.size, self.fit, channels=self.channels)
        except Exception as error:  # Pillow's decoders raise many types; the name of the file must not be lost
            raise ValueError(f"{self.names[row]} cannot be decoded. Received: {reason(error)}") from error


def checked_size(size):
    """Returns `(height, width)` as integers.

    Raises:
        ValueError: If `size` is not two integers >= 1.
    """
    if not isinstance(size, tuple | list) or len(size) != 2 or any(int(side) != side or side < 1 for side in size):
        raise ValueError(f"`size` must be (height, width) in pixels. Received: size={size!r}")
    return tuple(int(side) for side in size)


def reason(error):
    """Returns why an image cannot be decoded, in one line and without the memory address that Pillow puts in."""
    if isinstance(error, UnidentifiedImageError):
        return "no image format that Pillow knows"
    return str(error) or type(error).__name__
