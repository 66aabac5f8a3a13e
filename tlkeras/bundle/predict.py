"""Runs the model of the bundle in which this file lies. It needs ai-edge-litert and numpy."""

import argparse
import json
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def image(path, height, width, channels):
    """Returns the pixels of an image file, 0-255, cut and resized as in training."""
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise SystemExit(f"Image files need Pillow: pip install pillow, or give an .npy. Received: {path}") from None
    file = Image.open(path)
    file.draft(None, (2 * max(height, width),) * 2)
    shown = ImageOps.exif_transpose(file)
    if shown.mode[0] in "IF":
        raise SystemExit(f"An image must have 8 bits a channel. Received: {path}, mode {shown.mode}")
    if shown.has_transparency_data:
        shown = Image.alpha_composite(Image.new("RGBA", shown.size, "white"), shown.convert("RGBA"))
    shown = ImageOps.fit(shown.convert("RGB"), (width, height), Image.Resampling.BILINEAR)
    return np.asarray(shown.convert("RGB" if channels == 3 else "L")).reshape(1, height, width, channels)


def inputs(path, shape, value_range):
    """Returns what a file holds, `(n, *shape)`, in the range of the model."""
    if path.suffix != ".npy" and (len(shape) != 3 or shape[-1] not in (1, 3) or not value_range):
        raise SystemExit(f"This model takes .npy files. Received: {path}")
    low, high = value_range or (-np.inf, np.inf)
    rows = np.load(path) if path.suffix == ".npy" else low + image(path, *shape) * ((high - low) / 255)
    rows = rows[np.newaxis] if rows.shape == shape else rows
    if rows.shape[1:] != shape or not len(rows) or not low <= rows.min() <= rows.max() <= high:
        raise SystemExit(f"Inputs must be {shape} in {value_range or 'any range'}. Received: {rows.shape} in {path}")
    return rows


def scores(model, rows):
    """Yields the outputs of a .tflite file, a row at a time as on a device."""
    interpreter = Interpreter(str(model))
    interpreter.allocate_tensors()
    source, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    (scale, zero), (out_scale, out_zero) = source["quantization"], result["quantization"]
    if scale:  # an integer input has units of its own, and so has an integer output
        bounds = np.iinfo(source["dtype"])
        rows = np.clip(np.rint(rows / scale) + zero, bounds.min, bounds.max)
    for row in rows:
        interpreter.set_tensor(source["index"], row[np.newaxis].astype(source["dtype"]))
        interpreter.invoke()
        found = interpreter.get_tensor(result["index"])[0].astype("float32")
        yield (found - out_zero) * np.float32(out_scale) if out_scale else found


def main():
    """Prints the three best classes of each input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help=".npy, or an image where Pillow is there")
    parser.add_argument("--model", help="another .tflite file of the bundle")
    parser.add_argument("--json", action="store_true", help="print the outputs of the model, a list a line")
    arguments, here = parser.parse_args(), Path(__file__).resolve().parent
    facts, spec = (json.loads((here / name).read_text("utf-8")) for name in ("bundle.json", "preprocessing.json"))
    labels = (here / "labels.txt").read_text("utf-8").split("\n")
    for path in arguments.files:
        rows = inputs(path, tuple(spec["input"]["shape"]), spec["input"]["value_range"])
        for place, row in enumerate(scores(here / (arguments.model or facts["runs"]), rows)):
            powers = np.exp(row - row.max())
            shares = powers / powers.sum() if spec["output"]["kind"] == "logits" else row
            best = ", ".join(f"{labels[i]} {100 * shares[i]:.1f} %" for i in np.argsort(-shares)[:3])
            print(json.dumps(row.tolist()) if arguments.json else f"{path} {place}: {best}")


if __name__ == "__main__":
    main()
