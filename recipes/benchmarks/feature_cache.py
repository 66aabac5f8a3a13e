"""What the feature cache saves: ten epochs of a head on cached features beside ten epochs through the frozen backbone.

    python recipes/benchmarks/feature_cache.py --data DIR

2,000 hand signs of DIR/sign_digits, a MobileNetV2 0.35 SavedModel of DIR/hub, a linear head. The frozen backbone is in
the graph in the one case (plain Keras `fit`, without XLA, which is slower on a CPU), in the other its features are
computed first, conversion to LiteRT included, into an empty folder. Then the feature pass alone beside a bare
`tf.function` of the same model, in turn. Times of one run are ratios, and nothing else, to be compared with other runs.
"""

import argparse
import logging
import statistics
import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
import tlkeras  # noqa: E402
from tlkeras.cache.litert_pass import LiteRTPass  # noqa: E402
from tlkeras.cache.passes import keras_pass  # noqa: E402
from tlkeras.report import write_json  # noqa: E402

MOST_SHARE, LEAST_SPEED = 1 / 8, 2.5  # the bars
TIMED = 256  # images a repeat of the pass


def arguments():
    """Returns the parsed flags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with sign_digits/ and hub/")
    parser.add_argument("--hub", default="mobilenet_v2_035_224_feature_vector", help="name of the model in DIR/hub")
    parser.add_argument("--images", type=int, default=2000, help="images to train on; the others are scored")
    parser.add_argument("--epochs", type=int, default=10, help="epochs of both (default: 10)")
    parser.add_argument("--seeds", type=int, default=5, help="runs on cached features, each from an empty folder")
    parser.add_argument("--repeats", type=int, default=9, help="repeats of the pass (default: 9)")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"), help="file to write")
    return parser.parse_args()


def head(backbone, seed):
    """Returns a classifier with a fresh head."""
    keras.utils.set_random_seed(seed)
    return tlkeras.surgery.classifier(backbone, 10)


def train(model, x, y, epochs):
    """Fits a model and returns the seconds that it took."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(), loss, metrics=["accuracy"], jit_compile=False)
    start = time.perf_counter()
    model.fit(x, y, epochs=epochs, batch_size=32, verbose=0)
    return time.perf_counter() - start


def cached(backbone, data, seed, epochs):
    """Returns the seconds of the feature pass and of the epochs, and the accuracy, of one run from nothing."""
    (x, y), (test_x, test_y) = data
    model = head(backbone, seed)
    frozen, rest = tlkeras.surgery.split(model, 0)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        features = tlkeras.cache.features(frozen, x, directory=folder)
        seconds = time.perf_counter() - start
        fit = train(rest, features, y, epochs)
    return {"seed": seed, "pass": seconds, "fit": fit, **scores(model, test_x, test_y)}


def plain(backbone, data, seed, epochs):
    """Returns the seconds and the accuracy of plain Keras through the frozen backbone."""
    (x, y), (test_x, test_y) = data
    model = head(backbone, seed)
    seconds = train(model, x, y, epochs)
    return {"seed": seed, "fit": seconds, **scores(model, test_x, test_y)}


def scores(model, x, y):
    """Returns the share of right answers and, finer on few images, the cross-entropy."""
    logits = keras_pass(model)(x)
    loss = keras.ops.mean(keras.losses.sparse_categorical_crossentropy(y, logits, from_logits=True))
    return {"accuracy": float((logits.argmax(axis=1) == y).mean()), "loss": float(loss)}


def speeds(backbone, images, repeats):
    """Returns the images/s of the LiteRT pass and of a bare `tf.function`, repeated in turn."""
    found = {"litert": [], "tf.function": []}
    with tempfile.TemporaryDirectory() as folder:
        runs = {"litert": LiteRTPass(backbone, Path(folder, "model.tflite")), "tf.function": keras_pass(backbone)}
        for repeat in range(repeats + 1):
            for name, run in runs.items():
                start = time.perf_counter()
                run(images)
                if repeat:  # the first is for warming up
                    found[name].append(len(images) / (time.perf_counter() - start))
    return found


def main() -> int:
    """Prints the table and writes the JSON; returns 1 when a bar is missed."""
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    flags = arguments()
    backbone = tlkeras.backbones.from_hub(flags.data / "hub" / flags.hub)
    photos = tlkeras.data.image_folder(flags.data / "sign_digits", backbone.input_size)
    share = flags.images / len(photos)
    data = [(part.images(), part.labels) for part in photos.split((share, 1 - share))]
    before = (flags.seeds + 1) // 2  # the load of the machine may change in the minutes between
    runs = [cached(backbone, data, seed, flags.epochs) for seed in range(before)]
    through = plain(backbone, data, 0, flags.epochs)
    runs += [cached(backbone, data, seed, flags.epochs) for seed in range(before, flags.seeds)]
    rates = speeds(backbone, data[0][0][:TIMED], flags.repeats)
    ratio = statistics.median(ours / bare for ours, bare in zip(*rates.values(), strict=True))
    shares = {
        "share_with_pass": [(run["pass"] + run["fit"]) / through["fit"] for run in runs],
        "share_of_epochs": [run["fit"] / through["fit"] for run in runs],
    }
    print(f"{len(data[0][1])} images, {flags.epochs} epochs, {len(data[1][1])} images scored, {flags.seeds} seeds")
    print(f"through the frozen backbone  time 1  {result([through])}")
    print(f"feature pass and epochs      time {spread(shares['share_with_pass'])}  {result(runs)}")
    print(f"epochs on cached features    time {spread(shares['share_of_epochs'])}")
    print(f"feature pass, LiteRT         {ratio:.2f} x the images/s of a bare tf.function (median of {flags.repeats})")
    sizes = {"images": len(data[0][1]), "scored": len(data[1][1]), "epochs": flags.epochs, "pass_ratio": ratio}
    write_json(flags.out, {**sizes, **shares, "through_backbone": through, "cached": runs, "rates": rates})
    return int(max(shares["share_with_pass"]) > MOST_SHARE or ratio < LEAST_SPEED)


def spread(values):
    """Returns the median and the range."""
    return f"{statistics.median(values):.4f} ({min(values):.4f} to {max(values):.4f})"


def result(runs):
    """Returns mean and standard deviation of the scores."""
    found = {name: [run[name] for run in runs] for name in ("accuracy", "loss")}
    return ", ".join(f"{name} {np.mean(values):.3f} ± {np.std(values):.3f}" for name, values in found.items())


if __name__ == "__main__":
    sys.exit(main())
