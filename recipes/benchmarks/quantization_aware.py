"""Quantisation-aware fine-tuning beside post-training int8: a pretrained MobileNetV2 on photographs of hand signs.

    python recipes/benchmarks/quantization_aware.py --data DIR/sign_digits --weights FILE.weights.h5

MobileNetV2 0.35 with its ImageNet weights is fine-tuned whole on four fifths of the photographs (BatchNorm on its
averages), quantised with the first 100 of them, and trained on, quantisation-aware, at a lower rate. Every accuracy is
that of a .tflite file in the LiteRT interpreter, on the last fifth. With one step for a whole kernel, which some
accelerators need, the depthwise kernels of this network lose most of what they know: channels of small weights round
to 0. A step for each channel is what LiteRT writes by default.

The converter has a private switch for kernels of one step; its row shows that the loss is not made by our surgery.
What was tried while this was written was tried on seed 0, which is not shown. Each run is a file in `--out`; what is
there is not run again.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

sys.path.insert(0, str(Path(__file__).parents[2]))
from recipes.benchmarks.methods import commit  # noqa: E402
from recipes.benchmarks.results import spread  # noqa: E402
from tlkeras import backbones, data, export, surgery  # noqa: E402
from tlkeras.export.quiet import quiet_stderr  # noqa: E402
from tlkeras.report import versions, write_json  # noqa: E402

BATCH, SIDE = 64, 64
EPOCHS, RATE = 10, 1e-3
AWARE_EPOCHS, AWARE_RATE = 3, 3e-4
CALIBRATION = 100
SEEDS = (1, 2, 3)
ROWS = {
    "float": "float32",
    "channel": "post-training, a step for each channel",
    "aware_channel": "quantisation-aware, a step for each channel",
    "converter": "post-training, one step a kernel, by the converter",
    "tensor": "post-training, one step a kernel",
    "aware_tensor": "quantisation-aware, one step a kernel",
}


def fit(model, images, labels, epochs, rate):
    """Trains on whole batches with a rate that falls to 0."""
    steps = len(images) // BATCH
    rates = keras.optimizers.schedules.CosineDecay(rate, steps * epochs)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rates), loss, jit_compile=False)
    rows = steps * BATCH
    model.fit(images[:rows], labels[:rows], batch_size=BATCH, epochs=epochs, verbose=0)


def tensor_by_converter(model, samples, path):
    """Writes the file that the converter makes with one step for each kernel."""
    with tempfile.TemporaryDirectory() as directory, quiet_stderr():
        model.export(directory, format="tf_saved_model", verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(directory)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([sample[np.newaxis]] for sample in samples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter._experimental_disable_per_channel = True
        path.write_bytes(converter.convert())
    return path


def step_of(aware):
    """Returns the step between two values of the logits."""
    ends = [0.0, *(float(end) for end in aware.get_layer("logits_fake_quant").range())]
    return (max(ends) - min(ends)) / 255


def run(flags, seed):
    """Returns `{row: accuracy}` of one seed, and how near the files are to their models."""
    photos = data.image_folder(flags.data, (SIDE, SIDE))
    train, test = photos.split((0.8, 0.2), seed=seed)
    images, scored = train[:].astype("float32"), test[:].astype("float32")
    backbone = backbones.from_applications(
        "MobileNetV2", alpha=0.35, weights=flags.weights, input_shape=(SIDE, SIDE, 3), trainable=True
    )
    model = surgery.classifier(backbone, len(photos.class_names))
    surgery.unfreeze(model, "all", freeze_bn="all")
    fit(model, images, train.labels, EPOCHS, RATE)
    samples, found = images[:CALIBRATION], {}
    with tempfile.TemporaryDirectory() as folder:

        def score(row, path, aware=None):
            answers = export.run_litert(path, scored)
            found[row] = float((answers.argmax(1) == test.labels).mean())
            if aware is not None:
                expected = aware.predict(scored, verbose=0)
                steps = np.abs(answers - expected) / step_of(aware)
                found[f"{row}_agreement"] = float((answers.argmax(1) == expected.argmax(1)).mean())
                found[f"{row}_steps"], found[f"{row}_steps_largest"] = float(steps.mean()), float(steps.max())

        path = Path(folder, "model.tflite")
        score("float", export.to_litert(model, path))
        score("channel", export.to_litert(model, path, quantize="int8", samples=samples))
        score("converter", tensor_by_converter(model, samples, path))
        for kind, per_channel in (("tensor", False), ("channel", True)):
            aware = surgery.quantization_aware(model, samples, per_channel=per_channel)
            if not per_channel:
                score(kind, export.to_litert(aware, path, quantize="int8"), aware)
            fit(aware, images, train.labels, AWARE_EPOCHS, AWARE_RATE)
            score(f"aware_{kind}", export.to_litert(aware, path, quantize="int8"), aware)
    return found


def page(runs):
    """Returns the Markdown of the page."""
    lines = ["| | accuracy, % | loss to float32, points | in each seed |", "| --- | --- | --- | --- |"]
    for row, name in ROWS.items():
        values = [found[row] for found in runs]
        loss = [found["float"] - value for found, value in zip(runs, values, strict=True)]
        each = ", ".join(f"{100 * value:.1f}" for value in values)
        lines.append(f"| {name} | {spread(values)} | {100 * statistics.mean(loss):.1f} | {each} |")
    closed = [(found["aware_tensor"] - found["tensor"]) / (found["float"] - found["tensor"]) for found in runs]
    equal = [(run["aware_tensor"] - run["tensor"]) / (run["aware_channel"] - run["tensor"]) for run in runs]
    rows = ("aware_tensor", "aware_channel")
    agreement = min(found[f"{row}_agreement"] for found in runs for row in rows)
    before = min(found["tensor_agreement"] for found in runs)
    steps = max(found[f"{row}_steps"] for found in runs for row in rows)
    largest = max(found[f"{row}_steps_largest"] for found in runs for row in rows)
    facts = ", ".join(f"{key} {value}" for key, value in runs[0]["versions"].items())
    return f"""# Quantisation-aware fine-tuning

Hand signs (sign_digits, 10 classes, a fifth scored), MobileNetV2 0.35 from ImageNet weights at {SIDE} pixels,
{EPOCHS} epochs in float32 at a rate of {RATE:g}; quantisation-aware, {AWARE_EPOCHS} epochs more at {AWARE_RATE:g}.
{len(runs)} seeds, mean ± standard deviation; every figure is from a .tflite file in the LiteRT interpreter.

{chr(10).join(lines)}

The quantisation-aware rows have trained {AWARE_EPOCHS} epochs longer than the others, and gain by that alone.

With one step a kernel, quantisation-aware fine-tuning closes {100 * statistics.mean(closed):.0f} % of the post-training
loss, in the worst seed {100 * min(closed):.0f} %; measured to the row that trained as long with a step for each channel
instead of to float32, {100 * statistics.mean(equal):.0f} %, in the worst seed {100 * min(equal):.0f} %.

The files against the Keras models with fake quantisation, on the scored images: the quantisation-aware ones give the
same class for at least {100 * agreement:.1f} % (post-training with one step a kernel {100 * before:.1f} %, where little
tells the classes apart), and logits that differ by at most {steps:.2f} steps of the output's scale on average,
{largest:.0f} at the largest: what lies near half way between two values is rounded one way here, the other way there,
and 50 layers add that up.

`python recipes/benchmarks/quantization_aware.py --data DIR/sign_digits --weights FILE.weights.h5`, \
commits {", ".join(sorted({found["commit"] for found in runs}))}; {facts}.
"""


def main():
    """Runs what is missing and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with a folder of photographs for each sign")
    parser.add_argument("--weights", required=True, help="ImageNet weights of MobileNetV2 0.35 without its top")
    parser.add_argument("--out", type=Path, default=Path("runs/quantization_aware"), help="folder of the runs")
    parser.add_argument("--results", type=Path, help="Markdown file to write (default: quantization_aware.md in --out)")
    flags, runs = parser.parse_args(), []
    for seed in SEEDS:
        path = flags.out / f"seed_{seed}.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            keras.backend.clear_session()
            keras.utils.set_random_seed(seed)
            write_json(path, {**run(flags, seed), "commit": commit(), "versions": versions()})
        runs.append(json.loads(path.read_text("utf-8")))
        print(f"seed {seed}: { {row: round(100 * runs[-1][row], 1) for row in ROWS} }", flush=True)
    results = flags.results or flags.out / "quantization_aware.md"
    results.write_text(page(runs), encoding="utf-8")
    print(f"Written to {results}")


if __name__ == "__main__":
    main()
