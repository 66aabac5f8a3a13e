"""The accuracy of a LiteRT classifier on labelled images."""

import os

import numpy as np

from tlkeras.export.contents import open_litert
from tlkeras.export.run import quantized

BATCH = 64  # images decoded at a time


def check_classifier(contents: dict, class_names, path) -> None:
    """Refuse a file that is no classifier of images into these classes.

    Args:
        contents: What `litert_contents` returned.
        class_names: The classes of the images.
        path: The file, for the error.

    Raises:
        ValueError: If inputs, outputs or the number of classes do not fit.
    """
    shapes = {ends: [end["shape"] for end in contents[ends]] for ends in ("inputs", "outputs")}
    image, scores = shapes["inputs"][0], shapes["outputs"][0]
    single = len(shapes["inputs"]) == len(shapes["outputs"]) == 1 and scores[:-1] == [1]
    if not single or len(image) != 4 or image[0] != 1 or image[3] not in (1, 3):
        raise ValueError(
            "`files` must take one image (1, height, width, 1 or 3) and give one score a class, where `images` are "
            f"given; others can be `baselines`, which are not scored. Received: {shapes} in {path}"
        )
    if scores[-1] != len(class_names):
        shown = ", ".join(class_names[:5]) + (", ..." if len(class_names) > 5 else "")
        raise ValueError(
            "`images` must have as many class folders as a file has outputs; a file with others can be one of the "
            f"`baselines`, which are not scored. Received: {len(class_names)} folders ({shown}), {scores[-1]} outputs "
            f"in {path}"
        )


def litert_accuracy(path: str | os.PathLike, images, *, value_range=(0, 255)) -> float:
    """Return the share of images whose highest score is that of their class.

    Args:
        path: A classifier; its outputs are in the order of `images.class_names`.
        images: What `tlkeras.data.image_folder` returned, of any size: they are decoded at the size of the input.
        value_range: What a float32 or int8 input takes for black and white. A uint8 input takes the bytes.

    Raises:
        ValueError: If the file does not fit the images.
    """
    interpreter = open_litert(path)
    source, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    images = images.shaped(tuple(int(side) for side in source["shape"][1:]))
    right = 0
    for start in range(0, len(images), BATCH):
        rows = slice(start, start + BATCH)
        for pixels, label in zip(_inputs(images[rows], source, value_range), images.labels[rows], strict=True):
            interpreter.set_tensor(source["index"], pixels[np.newaxis])
            interpreter.invoke()
            right += int(interpreter.get_tensor(result["index"]).argmax() == label)
    return right / len(images)


def _inputs(pixels: np.ndarray, source: dict, value_range) -> np.ndarray:
    if source["dtype"] is np.uint8:
        return pixels
    low, high = value_range
    return quantized(low + pixels.astype("float32") * ((high - low) / 255), source)
