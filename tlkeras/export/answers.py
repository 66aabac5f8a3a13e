"""When two answers are the same, and how good answers are: of classes, of several labels, of values."""

import keras
import numpy as np

from tlkeras.ops.calibration import expected_calibration_error
from tlkeras.validators.source_f1 import label_f1

SCORES = {"classes": "accuracy", "labels": "f1", "values": "r2"}
# Of the deviation of the model's own answers on the samples: an error of a tenth of it adds a hundredth to a variance.
VALUE_TOLERANCE = 0.1


def same_answers(expected: np.ndarray, found: np.ndarray, answers: str) -> np.ndarray:
    """Return which answers are the same; those that are not finite must be left out by the caller.

    Args:
        expected: The model's outputs `(n, ..., outputs)`.
        found: A file's outputs, of the same shape.
        answers: "classes": the largest output is the same; "labels": the same labels are above 0; "values": each
            output is within a tenth of the deviation of that output on the samples.

    Returns:
        Booleans `(n, ...)`.
    """
    if answers == "labels":
        return ((expected > 0) == (found > 0)).all(-1)
    if answers == "values":
        finite = np.where(np.isfinite(expected), expected, np.nan)
        deviation = np.nanstd(finite.reshape(-1, expected.shape[-1]), axis=0)
        return (np.abs(expected - found) <= VALUE_TOLERANCE * deviation).all(-1)
    return expected.argmax(-1) == found.argmax(-1)


def checked_labels(labels, shape: tuple, answers: str) -> np.ndarray:
    """Return labels of samples as an array.

    Args:
        labels: What was given.
        shape: Shape of the model's outputs.
        answers: What the model answers.

    Raises:
        ValueError: If they do not fit the answers.
    """
    labels = np.asarray(labels)
    if answers == "classes":
        whole = labels.dtype.kind in "ui" and labels.shape == shape[:-1]
        if not whole or labels.min() < 0 or labels.max() >= shape[-1]:
            raise ValueError(
                f"`labels` must be integers of the shape {shape[:-1]} from 0 to {shape[-1] - 1}, one a sample. "
                f"Received: dtype={labels.dtype}, shape={labels.shape}"
                + (f", from {labels.min()} to {labels.max()}" if whole else "")
            )
        return labels
    if labels.shape == shape[:-1] and shape[-1] == 1:
        labels = labels[..., np.newaxis]
    numbers = labels.dtype.kind in "biuf" and labels.shape == shape and np.isfinite(labels).all()
    if not numbers or (answers == "labels" and not np.isin(labels, (0, 1)).all()):
        what = "0 or 1" if answers == "labels" else "finite numbers"
        raise ValueError(
            f"`labels` must be {what} of the shape {shape}, one for each output of a model that answers {answers}. "
            f"Received: dtype={labels.dtype}, shape={labels.shape}"
        )
    return labels


def scores(outputs: np.ndarray, labels: np.ndarray, answers: str, logits: bool = True) -> dict:
    """Return how good answers are, the figure that bounds are about first.

    Args:
        outputs: Array `(n, ..., outputs)`.
        labels: What `checked_labels` returned.
        answers: What the model answers.
        logits: Whether the outputs of a model of classes are logits.

    Returns:
        Of classes `accuracy` and the calibration error `ece`; of labels `f1`, the mean over the labels; of values `r2`
        and `mean_absolute_error`.
    """
    outputs = np.nan_to_num(outputs)
    if answers == "labels":
        f1, counts = label_f1(outputs > 0, labels > 0)
        return {"f1": float(f1[counts].mean()) if counts.any() else 1.0}
    if answers == "values":
        variance = np.maximum(labels.var(axis=0), np.finfo("float32").tiny)
        explained = 1 - np.mean((outputs - labels) ** 2, axis=0) / variance
        return {"r2": float(explained.mean()), "mean_absolute_error": float(np.abs(outputs - labels).mean())}
    rows = outputs.reshape(-1, outputs.shape[-1])
    rows = keras.ops.softmax(rows) if logits else rows / np.maximum(rows.sum(-1, keepdims=True), 1e-6)
    error = float(expected_calibration_error(keras.ops.convert_to_tensor(rows, "float32"), labels.ravel()))
    return {"accuracy": float((outputs.argmax(-1) == labels).mean()), "ece": error}
