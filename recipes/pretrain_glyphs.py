"""Train the embedded backbone: strokes learned from rendered letters, never from a digit.

A small convolutional network tells 41 groups of letters apart, drawn by `recipes/common/glyphs.py`; letters that no
one can tell apart once their size is normalised (c and C, I and l, ...) share a class. Some letters look like digits
(O and 0, l and 1, Z and 2, S and 5, B and 8): the shapes are seen, the labels 0 to 9 are not. Three font families are
held out, and the accuracy on them is reported. The network without its head is written as a reusable SavedModel:
float32 images (batch, 8, 8, 1) in [0, 1] to 128 features.

    python recipes/pretrain_glyphs.py --out runs/glyphs
    cp -r runs/glyphs/glyphs/. saved_models/glyphs/        # the card, README.md, stays; bring it up to date
"""

import dataclasses
import hashlib
import itertools
import sys
import time
from pathlib import Path

import keras
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from recipes.common.glyphs import FONTS, render  # noqa: E402
from recipes.common.harness import flag, run_recipe  # noqa: E402
from tlkeras import data, export, layers, transfer  # noqa: E402

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
SAME = {**{upper: upper.lower() for upper in "CKOPSUVWXZ"}, "I": "l"}
UNSEEN_FONTS = ("DejaVuSerif-Italic", "STIXGeneralBol", "cmss10")


@dataclasses.dataclass
class Flags:
    """Flags of the recipe."""

    images: int = flag(40_000, "rendered training letters")
    epochs: int = flag(8, "passes over the training letters")
    batch_size: int = flag(128, "letters in a step")
    learning_rate: float = flag(2e-3, "rate of Adam at the start, cosine decay to 0")
    smoke: bool = flag(False, "two steps on tiny data, to see that everything runs")

    def __post_init__(self):
        """Checks the numbers."""
        if self.epochs < 1 or not 1 <= self.batch_size <= self.images:
            raise ValueError(
                "`--epochs` must be >= 1 and `--images` hold at least one batch. "
                f"Received: epochs={self.epochs}, images={self.images}, batch_size={self.batch_size}"
            )


def batches(images, labels, batch_size, seed, first_epoch):
    """Yields batches without end, in an order that is a function of (seed, epoch): a resumed run sees the same."""
    steps = len(images) // batch_size
    for epoch in itertools.count(first_epoch):
        [order] = data.epoch_order([len(images)], batch_size, steps, seed, epoch)
        for rows in order:
            yield images[rows], labels[rows]


def letters(count, seed, fonts):
    """Rendered letters in [0, 1] and the number of their group."""
    groups = sorted({SAME.get(c, c) for c in LETTERS})
    images, labels = render(LETTERS, count, seed, fonts=fonts)
    group_of = np.array([groups.index(SAME.get(c, c)) for c in LETTERS])
    return images.astype("float32") / 255, group_of[labels]


def build(learning_rate):
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


def run(flags, folder, seed):
    """Trains, scores on unseen fonts, writes the SavedModel and returns what was measured."""
    start = time.perf_counter()
    if flags.smoke:
        flags = dataclasses.replace(flags, images=2 * flags.batch_size, epochs=1)
    keras.utils.set_random_seed(seed)
    x, y = letters(flags.images, seed, tuple(f for f in FONTS if f not in UNSEEN_FONTS))
    unseen = letters(min(flags.images, 5_200), seed + 1, UNSEEN_FONTS)
    steps = flags.epochs * (len(x) // flags.batch_size)
    backbone, model = build(keras.optimizers.schedules.CosineDecay(flags.learning_rate, steps))
    checkpoint = transfer.Checkpoint(folder / "checkpoints")
    first = checkpoint.restore(model)
    logs = keras.callbacks.TensorBoard(folder / "logs", write_graph=False)
    model.fit(
        batches(x, y, flags.batch_size, seed, first), steps_per_epoch=len(x) // flags.batch_size,
        initial_epoch=first, epochs=flags.epochs, validation_data=unseen, shuffle=False,
        verbose=1 if sys.stdout.isatty() else 2, callbacks=[logs, checkpoint],
    )  # fmt: skip
    written = export.to_hub(backbone, folder / "glyphs")
    files = sorted(path for path in written.rglob("*") if path.is_file())
    return {
        "recipe": "pretrain_glyphs",
        "seed": seed,
        "classes": len({SAME.get(c, c) for c in LETTERS}),
        "n_source": len(x),
        "seconds": round(time.perf_counter() - start, 1),
        "accuracy_unseen_fonts": model.evaluate(*unseen, verbose=0, return_dict=True)["accuracy"],
        "bytes": sum(path.stat().st_size for path in files),
        "sha256": {str(path.relative_to(written)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
        "backbone_fingerprint": layers.HubLayer(written).fingerprint,
    }


if __name__ == "__main__":
    run_recipe("pretrain_glyphs", __doc__.splitlines()[0], Flags, run)
