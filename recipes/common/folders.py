"""The labelled images and the backbone that the flags of a recipe name."""

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
        flags: `FolderFlags`.
        shape: `(height, width, channels)`.
        seed: Seed of the split.

    Raises:
        ValueError: If images cannot be read, the classes of both folders differ, or one has too few images.
    """
    look = {"size": shape[:2], "channels": shape[2]}
    if flags.tfds:
        images = from_tfds(flags.tfds, "train", data_dir=flags.data_dir or None, **look)
    else:
        images = _folder(flags.data, flags, look)
    if flags.test:
        test = _folder(flags.test, flags, {**look, "class_names": images.class_names})
    else:
        images, test = images.split((1 - flags.test_fraction, flags.test_fraction), seed)
    if len(images.class_names) < 2:
        raise ValueError(f"There must be at least two classes. Received: {images.counts}")
    for name, part in (("training", images), ("test", test)):
        print(f"{len(part)} {name} images: " + ", ".join(f"{key} {count}" for key, count in part.counts.items()))
    copies = len(set(images.digests).intersection(test.digests))
    if copies:
        print(f"warning: {copies} test images are among the training images too, as copies: the accuracy flatters")
    return images, test


def _folder(path, flags, look):
    try:
        found = image_folder(path, skip_unreadable=flags.skip_unreadable, **look)
    except ValueError as error:
        raise ValueError(str(error).replace("`skip_unreadable=True`", "`--skip-unreadable`")) from error
    ways = (name.split("/") for name in found.names if name.count("/") > 1)
    nested = {way[0] for way in ways if way[1] != way[0] and way[1] in found.counts}
    if nested:
        raise ValueError(
            f"The folder of a class must not hold folders of other classes; is it a test set (`--test`)? "
            f"Received: {sorted(nested)} in {path}"
        )
    return found


def unpretrained(handle):
    """Returns the handle of the same architecture with random weights, or None where there is no such thing."""
    name, _, query = handle.removeprefix("applications:").partition("?")
    if name not in application_names():
        return None
    kept = [part for part in query.split("&") if part and not part.startswith("weights=")]
    return f"applications:{name}?" + "&".join([*kept, "weights=None"])
