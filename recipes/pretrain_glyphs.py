"""Train the embedded backbone: strokes learned from rendered letters, never from a digit.

A small convolutional network tells 41 groups of letters apart, drawn by `recipes/common/glyphs.py`; letters that no
one can tell apart once their size is normalised (c and C, I and l, ...) share a class. Some letters look like digits
(O and 0, l and 1, Z and 2, S and 5, B and 8): the shapes are seen, the labels 0 to 9 are not. Three font families are
held out, and the accuracy on them is reported. The network without its head is written as a reusable SavedModel:
float32 images (batch, 8, 8, 1) in [0, 1] to 128 features.

    python recipes/pretrain_glyphs.py
"""

import argparse
import dataclasses
import hashlib
import json
import sys
import time
from pathlib import Path

import keras
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from recipes.common.glyphs import FONTS, render  # noqa: E402
from tlkeras.export.hub_format import to_hub  # noqa: E402

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
SAME = {**{upper: upper.lower() for upper in "CKOPSUVWXZ"}, "I": "l"}
UNSEEN_FONTS = ("DejaVuSerif-Italic", "STIXGeneralBol", "cmss10")


@dataclasses.dataclass
class Config:
    """Flags of the recipe."""

    out: str = dataclasses.field(default="saved_models/glyphs", metadata={"help": "folder of the SavedModel"})
    images: int = dataclasses.field(default=40_000, metadata={"help": "rendered training letters"})
    epochs: int = dataclasses.field(default=8, metadata={"help": "passes over the training letters"})
    batch_size: int = dataclasses.field(default=128, metadata={"help": "letters in a step"})
    learning_rate: float = dataclasses.field(default=2e-3, metadata={"help": "peak rate of Adam, cosine decay"})
    seed: int = dataclasses.field(default=0, metadata={"help": "of the images, the weights and the order"})
    smoke: bool = dataclasses.field(default=False, metadata={"help": "two steps on tiny data"})


def parse() -> Config:
    """Read the flags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for field in dataclasses.fields(Config):
        name, text = "--" + field.name.replace("_", "-"), f"{field.metadata['help']} (default: {field.default})"
        if field.type is bool:
            parser.add_argument(name, action="store_true", help=text)
        else:
            parser.add_argument(name, type=field.type, default=field.default, help=text)
    return Config(**vars(parser.parse_args()))


def letters(count: int, seed: int, fonts: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Rendered letters in [0, 1] and the number of their group."""
    groups = sorted({SAME.get(c, c) for c in LETTERS})
    images, labels = render(LETTERS, count, seed, fonts=fonts)
    group_of = np.array([groups.index(SAME.get(c, c)) for c in LETTERS])
    return images.astype("float32") / 255, group_of[labels]


def build(learning_rate: float | keras.optimizers.schedules.LearningRateSchedule) -> tuple[keras.Model, keras.Model]:
    """The backbone (8, 8, 1) -> 128 and the same with a letter head, compiled."""

    def conv(x, filters, name):
        x = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
        return keras.layers.ReLU(name=f"{name}_relu")(keras.layers.BatchNormalization(name=f"{name}_norm")(x))

    inputs = keras.Input((8, 8, 1), name="image")
    x = conv(conv(inputs, 32, "conv_1"), 64, "conv_2")
    x = conv(keras.layers.MaxPooling2D(name="pool_1")(x), 128, "conv_3")
    x = keras.layers.Flatten(name="flatten")(keras.layers.MaxPooling2D(name="pool_2")(x))
    x = keras.layers.Dense(128, use_bias=False, name="strokes")(x)
    features = keras.layers.ReLU(name="features")(keras.layers.BatchNormalization(name="strokes_norm")(x))
    backbone = keras.Model(inputs, features, name="glyphs")
    logits = keras.layers.Dense(len({SAME.get(c, c) for c in LETTERS}), name="logits")(features)
    model = keras.Model(inputs, logits)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(learning_rate), loss, metrics=["accuracy"])
    return backbone, model


def main(config: Config) -> dict:
    """Train, score on unseen fonts, write the SavedModel; return what was measured."""
    start = time.perf_counter()
    if config.smoke:
        config = dataclasses.replace(config, images=2 * config.batch_size, epochs=1)
    keras.utils.set_random_seed(config.seed)
    x, y = letters(config.images, config.seed, tuple(f for f in FONTS if f not in UNSEEN_FONTS))
    unseen = letters(min(config.images, 5_200), config.seed + 1, UNSEEN_FONTS)
    steps = config.epochs * (len(x) // config.batch_size)
    backbone, model = build(keras.optimizers.schedules.CosineDecay(config.learning_rate, max(steps, 1)))
    model.fit(x, y, batch_size=config.batch_size, epochs=config.epochs, validation_data=unseen, verbose=2)
    accuracy = model.evaluate(*unseen, verbose=0, return_dict=True)["accuracy"]
    to_hub(backbone, config.out)
    files = sorted(p for p in Path(config.out).rglob("*") if p.is_file() and p.suffix != ".md")
    return {
        "accuracy_unseen_fonts": round(accuracy, 4),
        "seconds": round(time.perf_counter() - start, 1),
        "sha256": {str(p.relative_to(config.out)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files},
        "bytes": sum(p.stat().st_size for p in files),
    }


if __name__ == "__main__":
    print(json.dumps(main(parse()), indent=2))
