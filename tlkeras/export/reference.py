"""What every written file is compared with: the model's answers on samples, and by how much a file may miss them."""

import dataclasses

import keras
import numpy as np

from tlkeras.export.samples import check_samples
from tlkeras.export.savedmodel import inference_model
from tlkeras.ops.calibration import expected_calibration_error

FLOAT_BOUND = 1e-3  # a float32 file may differ by this share of the largest output: rounding only, 1e-6 is usual


class ExportMismatch(RuntimeError):
    """A written file does not give the answers of the model it was made from."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reference:
    """Samples, the model's answers on them, and the bounds of a file that is run on them.

    Args:
        samples: Array `(n, *input_shape)` in the form the model takes.
        answers: The model's outputs, float32 `(n, ..., classes)`.
        labels: Integer array `(n, ...)`, or None.
        min_agreement: The smallest share of equal argmax that passes, in (0, 1].
        max_drop: The largest loss of accuracy that passes, in points (percent); without labels the largest share of
            changed answers, which no loss of accuracy can exceed. None for no such bound.
    """

    samples: np.ndarray
    answers: np.ndarray
    labels: np.ndarray | None = None
    min_agreement: float = 0.98
    max_drop: float | None = None

    def check_classes(self) -> None:
        """Refuse answers of which no quantised file can be judged.

        Raises:
            ValueError: If there is a single output.
        """
        if self.answers.shape[-1] < 2:
            raise ValueError(
                "`model` must have at least two classes on its last axis: whether a quantised file agrees is told by "
                f"the largest of them. Received: outputs of shape {self.answers.shape}"
            )

    def check(self, found: np.ndarray, name: str, max_diff: float | None = None) -> dict:
        """Return what a file's answers show, or say that they are not the model's.

        Args:
            found: The answers of the file, of the shape of `answers`.
            name: What is compared, for the error.
            max_diff: The largest difference that passes, as a share of the largest answer (or of 1 if that is
                larger); None for no bound.

        Returns:
            A dict: `agreement`; `max_abs_diff` and `mean_abs_diff` over finite outputs; `samples`, their number; with
            labels `accuracy`, `model_accuracy` and the expected calibration errors `ece` and `model_ece`.

        Raises:
            ExportMismatch: If a bound is exceeded.
            ValueError: If the shapes differ, or the model has a single output and the file no bound on differences.
        """
        if max_diff is None:
            self.check_classes()
        agreement, largest, mean = compare(self.answers, found)
        facts = {"agreement": agreement, "max_abs_diff": largest, "mean_abs_diff": mean, "samples": len(found)}
        if self.labels is not None:
            logits = _are_logits(self.answers)
            facts |= _scores(found, self.labels, logits)
            facts |= {f"model_{name}": value for name, value in _scores(self.answers, self.labels, logits).items()}
        limit = np.inf if max_diff is None else max_diff * max(1.0, float(np.abs(self.answers).max()))
        bounds = [f"agreement must be >= {self.min_agreement}", f"the largest difference <= {limit:.4g}"]
        received = [f"agreement {agreement:.4f}", f"largest difference {largest:.4g}"]
        drop = 0.0
        if self.max_drop is not None:
            drop = 100 * (1 - agreement)
            what = "the share of changed answers"
            if self.labels is not None:
                what, drop = "the loss of accuracy", 100 * (facts["model_accuracy"] - facts["accuracy"])
            bounds.append(f"{what} <= {self.max_drop:g} points")
            received.append(f"{drop:.2f} points")
        if not (agreement >= self.min_agreement and largest <= limit and drop <= (self.max_drop or 0) + 1e-9):
            raise ExportMismatch(
                f"{name} does not give the answers of its model on {len(found)} samples: {' and '.join(bounds)}. "
                f"Received: {', '.join(received)}"
            )
        return facts


def reference(
    model, samples, *, labels=None, min_agreement: float = 0.98, max_drop: float | None = None, value_range=(0, 255)
) -> Reference:
    """Return the reference of a model on samples.

    Args:
        model: A `keras.Model` or a `TransferModel`.
        samples: Array `(n, *input_shape)` in the form the model takes.
        labels: Integers `(n, ...)` in [0, classes), one an answer, or None.
        min_agreement: As in `Reference`.
        max_drop: As in `Reference`.
        value_range: As in `to_litert`.

    Raises:
        ValueError: If an argument is out of range, samples or labels do not fit the model, or no answer of it is
            finite.
    """
    model = inference_model(model)
    samples = check_samples(samples, model, value_range, "samples")
    if not 0 < min_agreement <= 1:
        raise ValueError(f"`min_agreement` must be in (0, 1]. Received: {min_agreement}")
    if max_drop is not None and not 0 <= max_drop <= 100:
        raise ValueError(f"`max_drop` must be points from 0 to 100, or None. Received: {max_drop}")
    answers = np.asarray(model.predict(samples, verbose=0), "float32")
    if not np.isfinite(answers).any():
        raise ValueError(f"`model` must give finite answers. Received: no finite number on {len(samples)} samples")
    if labels is not None:
        labels = _checked_labels(labels, answers.shape)
    return Reference(samples=samples, answers=answers, labels=labels, min_agreement=min_agreement, max_drop=max_drop)


def compare(expected: np.ndarray, found: np.ndarray) -> tuple[float, float, float]:
    """Return the share of equal argmax (not finite = unequal), and largest and mean difference of finite outputs.

    Args:
        expected: Array `(..., classes)`.
        found: Array of the same shape.

    Returns:
        `(agreement, max_abs_diff, mean_abs_diff)`; the differences are infinite when nothing is finite.

    Raises:
        ValueError: If the shapes differ.
    """
    if expected.shape != found.shape:
        raise ValueError(f"The file's output must have the model's shape {expected.shape}. Received: {found.shape}")
    finite = np.isfinite(expected).all(-1) & np.isfinite(found).all(-1)
    same = finite & (expected.argmax(-1) == found.argmax(-1))
    differences = np.abs(expected - found)[finite] if finite.any() else np.array([np.inf])
    return float(same.mean()), float(differences.max()), float(differences.mean())


def _checked_labels(labels, shape) -> np.ndarray:
    labels = np.asarray(labels)
    whole = labels.dtype.kind in "ui" and labels.shape == shape[:-1]
    if not whole or labels.min() < 0 or labels.max() >= shape[-1]:
        raise ValueError(
            f"`labels` must be integers of the shape {shape[:-1]} from 0 to {shape[-1] - 1}, one a sample. "
            f"Received: dtype={labels.dtype}, shape={labels.shape}"
            + (f", from {labels.min()} to {labels.max()}" if whole else "")
        )
    return labels


def _scores(answers: np.ndarray, labels: np.ndarray, logits: bool) -> dict:
    rows = np.nan_to_num(answers.reshape(-1, answers.shape[-1]))
    rows = keras.ops.softmax(rows) if logits else rows / np.maximum(rows.sum(-1, keepdims=True), 1e-6)
    error = float(expected_calibration_error(keras.ops.convert_to_tensor(rows, "float32"), labels.ravel()))
    return {"accuracy": float((answers.argmax(-1) == labels).mean()), "ece": error}


def _are_logits(answers: np.ndarray) -> bool:
    return bool(answers.min() < 0 or not np.allclose(answers.sum(-1), 1, atol=1e-3))
