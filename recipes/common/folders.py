"""The labelled images that the flags of a recipe name, ready for their backbone."""

from tlkeras.backbones import application_names, from_handle
from tlkeras.data import from_tfds, image_folder


def open_backbone(flags):
    """Returns the backbone of `--backbone`, before any image is read.

    Raises:
        ValueError: If it takes no images, or `--image-size` does not fit it.
    """
    asked = (flags.image_size, flags.image_size, 3) if flags.image_size else None
    backbone = from_handle(flags.backbone, input_shape=asked)
    if backbone.input_size is None:
        raise ValueError(f"`--backbone` must take images. Received: --backbone {flags.backbone}")
    return backbone


def load(flags, shape, seed):
    """Returns training and test images.

    Args:
        flags: `data`, `test`, `tfds`, `data_dir`, `test_fraction` and `skip_unreadable`.
        shape: `(height, width, channels)`.
        seed: Seed of the split.
    """
    look = {"size": shape[:2], "channels": shape[2]}
    if flags.tfds:
        images = from_tfds(flags.tfds, "train", data_dir=flags.data_dir or None, **look)
    else:
        images = image_folder(flags.data, skip_unreadable=flags.skip_unreadable, **look)
    if flags.test:
        test = image_folder(
            flags.test, class_names=images.class_names, skip_unreadable=flags.skip_unreadable, **look
        )
    else:
        images, test = images.split((1 - flags.test_fraction, flags.test_fraction), seed)
    for name, part in (("training", images), ("test", test)):
        print(f"{len(part)} {name} images: " + ", ".join(f"{key} {count}" for key, count in part.counts.items()))
    return images, test


def unpretrained(handle):
    """Returns the handle of the same architecture with random weights, or None where there is no such thing."""
    name, _, query = handle.removeprefix("applications:").partition("?")
    if name not in application_names():
        return None
    kept = [part for part in query.split("&") if part and not part.startswith("weights=")]
    return f"applications:{name}?" + "&".join([*kept, "weights=None"])
