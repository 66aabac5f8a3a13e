"""The pairs of domains of `recipes/digits.py`: images, labels, a backbone for them and settings that fit."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from sklearn.datasets import load_digits

from tlkeras.backbones import from_hub

GLYPHS = Path(__file__).parents[2] / "saved_models" / "glyphs"


@dataclasses.dataclass(frozen=True)
class Task:
    """Images are uint8 in 0-255; target labels are for scoring only.

    Args:
        source: Images and labels of the source.
        target: Unlabelled images of the target.
        scored: Images and labels of the target that accuracy is measured on: the same images, or a test set. None
            where labels must not be opened.
        backbone: Function from `trainable` to a functional model that ends in the layer `features`.
        backbone_name: For the report.
    """

    source: tuple
    target: np.ndarray
    scored: tuple | None
    backbone: Callable
    backbone_name: str


def fonts_to_uci(count, seed, scored=True):
    """Digits rendered from fonts, and the 1,797 handwritten digits of the UCI corpus, 8x8 (0-16 times 255 / 16).

    Args:
        count: Source images.
        seed: Of the source images.
        scored: Whether the target's labels are read; without them the task can be trained and not scored.
    """
    from recipes.common.glyphs import render  # lazy: matplotlib brings the fonts, and nothing else here needs it

    digits = load_digits()
    target = np.rint(digits.images * (255 / 16)).astype("uint8")[..., None]
    return Task(
        render("0123456789", count, seed + 100),
        target,
        (target, digits.target) if scored else None,
        lambda trainable: from_hub(GLYPHS, trainable=trainable),
        "saved_models/glyphs",
    )


def digits_from_files(folder, source, target, count, side=28):
    """Two of `mnist`, `usps` and `mnist_m` from `.npz` files, at 28x28, with a small network from scratch.

    MNIST as a source is its first `count` images (of the first 30,000: MNIST-M was made from the others). The target's
    training images are adapted to, its test images scored.

    Args:
        folder: Folder of the files.
        source: Name of the source.
        target: Name of the target.
        count: Source images at most.
        side: Images of another size are resized to so many pixels and padded to 28. Those of MNIST were made in a box
            of 20, which those of USPS fill.

    Raises:
        ValueError: If a name is unknown, or both are the same, or a file is absent.
    """
    names = ("mnist", "usps", "mnist_m")
    if source not in names or target not in names or source == target:
        raise ValueError(f"`--source` and `--target` must be two of {names}. Received: {source}, {target}")
    (xs, ys), _ = _read(Path(folder) / f"{source}.npz", side)
    (xt, _), (scored, yt) = _read(Path(folder) / f"{target}.npz", side)
    limit = min(count, 30_000 if source == "mnist" else len(xs))
    channels = max(xs.shape[-1], xt.shape[-1])
    xs, xt, scored = (np.repeat(x, channels // x.shape[-1], axis=-1) for x in (xs[:limit], xt, scored))
    return Task(
        (xs, ys[:limit]), xt, (scored, yt), lambda trainable: paper_network(channels, trainable), "paper network"
    )


def _read(path, side):
    if not path.exists():
        raise ValueError(f"`--data` must hold {path.name}. Received: {sorted(p.name for p in path.parent.glob('*'))}")
    with np.load(path) as file:
        return [(_sized(file[f"x_{part}"], side), file[f"y_{part}"]) for part in ("train", "test")]


def _sized(images, side):
    images = images if images.ndim == 4 else images[..., None]
    if images.shape[1:3] == (28, 28):
        return images
    resized = keras.ops.image.resize(images.astype("float32"), (side, side), interpolation="bilinear")
    resized = np.clip(np.rint(keras.ops.convert_to_numpy(resized)), 0, 255).astype("uint8")
    before = (28 - side) // 2
    around = (before, 28 - side - before)
    return np.pad(resized, ((0, 0), around, around, (0, 0)))


def paper_network(channels, trainable=True):
    """The two convolutions of the DANN paper's MNIST network, 28x28 images in 0-255, from scratch.

    As in the paper, the convolutions have no BatchNormalization.
    """
    inputs = keras.Input((28, 28, channels))
    x = keras.layers.Rescaling(1 / 255, name="scale")(inputs)
    for index, filters in enumerate((32, 48)):
        x = keras.layers.Conv2D(filters, 5, activation="relu", name=f"conv_{index}")(x)
        x = keras.layers.MaxPooling2D(name=f"pool_{index}")(x)
    backbone = keras.Model(inputs, keras.layers.Flatten(name="features")(x))
    backbone.trainable = trainable
    return backbone
