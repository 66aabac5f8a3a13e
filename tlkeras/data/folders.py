"""Images in folders: one for each class, or wherever they are."""

import collections
import dataclasses
import hashlib
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from tlkeras.data.class_folders import EXTENSIONS, class_folders, files_below, ordered
from tlkeras.data.decode import check_look, decode
from tlkeras.data.images import LabelledImages, checked_size, reason

SILENCE = 10  # seconds of a verification between two lines that say how far it is


@dataclasses.dataclass(frozen=True, eq=False)
class ImageFolder(LabelledImages):
    """The images of `image_folder`; `names` are the paths below `directory`.

    Args:
        directory: The folder that holds the class folders.
    """

    directory: Path = Path()

    @property
    def paths(self) -> tuple:
        """The path of each image."""
        return tuple(self.directory / name for name in self.names)

    def encoded(self, row: int) -> bytes:
        """Returns the bytes of one file."""
        return (self.directory / self.names[row]).read_bytes()


def image_folder(directory, size, *, class_names=None, fit="crop", channels=3, skip_unreadable=False):
    """Finds the images of a folder that holds one folder for each class, and verifies that each can be decoded.

    Images in folders inside a class folder belong to the class; links are followed; hidden files and folders are not
    looked at; other files, and images beside the class folders, are counted and printed. Every image is decoded once
    here, by one thread for each core, so that a broken one is found before training and not in its middle. See
    `tlkeras.data.decode` for what becomes of grey, transparent, 16-bit and rotated images.

    Args:
        directory: The folder that holds the class folders.
        size: `(height, width)` of the images, such as `backbone.input_size`.
        class_names: The classes in the order of their labels: give a test set those of the training set. By default
            the folder names, sorted as text (`"10"` before `"2"`).
        fit: `"crop"` (default: the proportions that backbones were trained on) or `"stretch"`, which loses no border.
        channels: 3 for RGB, 1 for grey.
        skip_unreadable: Leave out what cannot be decoded and print how many, instead of raising.

    Returns:
        `ImageFolder`: `images[rows]` and `images.images()` give pixels, uint8 `(rows, height, width, channels)`;
        `.labels`, `.class_names`, `.counts`, `.paths`, `.fingerprint`; `.batches()` for `fit`, `.split()`, `.subset()`.

    Raises:
        ValueError: If there are no class folders, a class has no image, the classes differ from `class_names`, or
            images cannot be decoded (every one is named).

    Example:
        >>> from PIL import Image
        >>> for name in ("ants", "bees"):
        ...     os.makedirs(f"photos/{name}")
        ...     Image.new("RGB", (40, 30), "green").save(f"photos/{name}/1.png")
        >>> photos = image_folder("photos", (32, 32))
        >>> photos.counts, photos[:].shape
        ({'ants': 1, 'bees': 1}, (2, 32, 32, 3))
    """
    directory, size = Path(directory), checked_size(size)
    check_look(fit, channels)
    ignored, files, labels = collections.Counter(), [], []
    folders = class_folders(directory, ignored)
    names = ordered(folders, class_names, directory)
    for label, name in enumerate(names):
        found = files_below(folders[name], ignored)
        files += found
        labels += [label] * len(found)
    labels = np.asarray(labels, "int64")
    images, broken = _verified(files, labels, ImageFolder((), labels, names, (), size, fit, channels, directory))
    if broken and not skip_unreadable:
        raise ValueError(_cannot_be_read(broken, files, directory))
    _check_classes(images.labels, names, folders, ignored)
    _print_left_out(directory, broken, ignored)
    return images


def unlabelled_images(directory, size, *, fit="crop", channels=3, skip_unreadable=False):
    """Finds the images anywhere below a folder, whatever the folders are named, and verifies them.

    The target of an adaptation: its class folders, if it has any, are not looked at.

    Args:
        directory: The folder.
        size: As in `image_folder`.
        fit: As in `image_folder`.
        channels: As in `image_folder`.
        skip_unreadable: As in `image_folder`.

    Returns:
        `ImageFolder` whose `.labels` are all -1 and which has no classes.

    Raises:
        ValueError: If there is no image, or images cannot be decoded (every one is named).

    Example:
        >>> from PIL import Image
        >>> os.makedirs("camera/monday")
        >>> Image.new("RGB", (40, 30), "green").save("camera/monday/1.png")
        >>> unlabelled_images("camera", (32, 32)).names
        ('monday/1.png',)
    """
    directory, size = Path(directory), checked_size(size)
    check_look(fit, channels)
    if not directory.is_dir():
        raise ValueError(f"`directory` must be a folder of images. Received: {directory}")
    ignored = collections.Counter()
    files = files_below(directory, ignored)
    labels = np.full(len(files), -1, "int64")
    images, broken = _verified(files, labels, ImageFolder((), labels, (), (), size, fit, channels, directory))
    if broken and not skip_unreadable:
        raise ValueError(_cannot_be_read(broken, files, directory))
    if not len(images):
        raise ValueError(
            f"`directory` must hold images ({', '.join(sorted(EXTENSIONS))}). "
            f"Received: none that can be read in {directory}, {sum(ignored.values())} other files ignored"
        )
    _print_left_out(directory, broken, ignored)
    return images


def _verified(files, labels, empty):
    """Returns `empty` filled with the files that can be decoded, and one line for each that cannot."""
    directory, size, fit, channels = empty.directory, empty.size, empty.fit, empty.channels
    verified = _verify_all(files, size, fit, channels)
    broken = [
        f"{path.relative_to(directory)}: {error}"
        for path, (_, error) in zip(files, verified, strict=True) if error
    ]  # fmt: skip
    kept = [row for row, (_, error) in enumerate(verified) if not error]
    names = tuple(files[row].relative_to(directory).as_posix() for row in kept)
    digests = tuple(verified[row][0] for row in kept)
    return dataclasses.replace(empty, names=names, labels=labels[kept], digests=digests), broken


def _cannot_be_read(broken, files, directory):
    return (
        f"{len(broken)} of {len(files)} images in {directory} cannot be read; repair or remove them, or pass "
        "`skip_unreadable=True` to go on without them. Received:\n  " + "\n  ".join(broken)
    )


def _verify_all(files, size, fit, channels):
    """Returns `(digest, None)` or `(None, reason)` for each file; says now and then how far it is."""
    verified, spoken = [], time.monotonic()
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for outcome in threads.map(lambda path: _verify(path, size, fit, channels), files):
            verified.append(outcome)
            if time.monotonic() - spoken > SILENCE:
                spoken = time.monotonic()
                print(f"verified {len(verified):,} of {len(files):,} images", file=sys.stderr, flush=True)
    return verified


def _verify(path, size, fit, channels):
    try:
        encoded = path.read_bytes()
        if not encoded:
            return None, "the file is empty"
        decode(encoded, size, fit, channels=channels)
    except Exception as error:  # Pillow's decoders raise many types, SyntaxError and struct.error among them
        return None, reason(error)
    return hashlib.sha256(encoded).hexdigest(), None


def _check_classes(labels, names, folders, ignored):
    empty = [name for label, name in enumerate(names) if not (labels == label).any()]
    if empty:
        raise ValueError(
            f"Every class folder must hold an image that can be read ({', '.join(sorted(EXTENSIONS))}). "
            f"Received: none in {[str(folders[name]) for name in empty]}, {sum(ignored.values())} other files ignored"
        )


def _print_left_out(directory, broken, ignored):
    if broken:
        print(f"{directory}: skipped {len(broken)} unreadable images:", *broken, sep="\n  ")
    if ignored:
        kinds = ", ".join(f"{count} {extension}" for extension, count in sorted(ignored.items()))
        print(f"{directory}: ignored {sum(ignored.values())} files that are no images ({kinds})")
