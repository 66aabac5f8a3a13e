"""The images of a labelled source and an unlabelled target."""

from typing import NamedTuple

from tlkeras.data import LabelledImages, image_folder, unlabelled_images


class Domains(NamedTuple):
    """What a recipe of adaptation reads.

    Attributes:
        source: Labelled images; None where a recipe does without.
        target: Images without labels.
        test: Labelled images of the target's place with the classes of the source, or None.
    """

    source: LabelledImages | None
    target: LabelledImages
    test: LabelledImages | None


def load_domains(flags, shape):
    """Returns the images of `--source`, `--target` and `--test`.

    Args:
        flags: Has `source`, `target`, `test` and `skip_unreadable`.
        shape: `(height, width, channels)`.

    Raises:
        ValueError: If images cannot be read, the classes of source and test differ, or there are fewer than two.
    """
    source, target, test = found = _read(flags, shape)
    if len(source.class_names) < 2:
        raise ValueError(f"There must be at least two classes. Received: {source.counts}")
    _tell(found)
    copies = len(set(source.digests).intersection(target.digests))
    if copies:
        print(f"warning: {copies} target images are source images too, as copies: is it the right folder?")
    return found


def some_domains(flags, shape, classes):
    """Returns the images of `--target`, and of `--source` and `--test` where they are given.

    Args:
        flags: As in `load_domains`; `source` may be empty.
        shape: As in `load_domains`.
        classes: How many classes there are: a model that is trained already has logits for them.

    Raises:
        ValueError: If images cannot be read, or a folder of labelled images has other classes.
    """
    found = _read(flags, shape)
    for name, images in (("--source", found.source), ("--test", found.test)):
        if images is not None and len(images.class_names) != classes:
            raise ValueError(
                f"`{name}` must have one folder for each class of the model, {classes}. Received: {images.class_names}"
            )
    _tell(found)
    return found


def _read(flags, shape):
    look = {"size": shape[:2], "channels": shape[2], "skip_unreadable": flags.skip_unreadable}
    try:
        source = image_folder(flags.source, **look) if flags.source else None
        target = unlabelled_images(flags.target, **look)
        names = source.class_names if source is not None else None
        test = image_folder(flags.test, class_names=names, **look) if flags.test else None
    except ValueError as error:
        raise ValueError(str(error).replace("`skip_unreadable=True`", "`--skip-unreadable`")) from error
    return Domains(source, target, test)


def _tell(domains):
    source, target, test = domains
    if source is not None:
        print(f"{len(source)} source images: " + ", ".join(f"{key} {count}" for key, count in source.counts.items()))
    print(f"{len(target)} target images" + (f", {len(test)} to score" if test else ", none to score (--test)"))
