"""What every written file is compared with: the model's answers on samples, and by how much a file may miss them."""

import dataclasses

import keras
import numpy as np

from tlkeras.export.answers import SCORES, checked_labels, same_answers, scores
from tlkeras.export.references import References, labels_by_output
from tlkeras.export.samples import check_samples
from tlkeras.export.savedmodel import inference_model
from tlkeras.surgery import answers_of

FLOAT_BOUND = 1e-3  # a float32 file may differ by this share of the largest output: rounding only, 1e-6 is usual


class ExportMismatch(RuntimeError):
    """A written file does not give the answers of the model it was made from."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reference:
    """Samples, the model's answers on them, and the bounds of a file that is run on them.

    Args:
        samples: Array `(n, *input_shape)` in the form the model takes.
        answers: The model's outputs, float32 `(n, ..., classes)`.
        labels: Integer array `(n, ...)`, or None; of labels and values an array of the shape of `answers`.
        min_agreement: The smallest share of equal answers that passes, in (0, 1].
        max_drop: The largest loss of accuracy that passes, in points (percent), of F1 where there are several labels
            and of R2 where there are values; without labels the largest share of changed answers, which no loss of
            accuracy can exceed. None for no such bound.
        kind: What the model answers: "classes", "labels" or "values"; see `tlkeras.export.answers.same_answers`.
    """

    samples: np.ndarray
    answers: np.ndarray
    labels: np.ndarray | None = None
    min_agreement: float = 0.98
    max_drop: float | None = None
    kind: str = "classes"

    def check_classes(self) -> None:
        """Refuse answers of which no quantised file can be judged.

        Raises:
            ValueError: If there is a single output, of a model that says neither that it is a value nor a label.
        """
        if self.kind == "classes" and self.answers.shape[-1] < 2:
            raise ValueError(
                "`model` must have at least two classes on its last axis: whether a quantised file agrees is told by "
                "the largest of them; a head of `tlkeras.surgery.regressor` or `multi_label` says that it has none. "
                f"Received: outputs of shape {self.answers.shape}"
            )

    def at(self, rows):
        """Return the reference on some of the samples."""
        labels = None if self.labels is None else self.labels[rows]
        return dataclasses.replace(self, samples=self.samples[rows], answers=self.answers[rows], labels=labels)

    def check(self, found: np.ndarray, name: str, max_diff: float | None = None) -> dict:
        """Return what a file's answers show, or say that they are not the model's.

        Args:
            found: The answers of the file, of the shape of `answers`.
            name: What is compared, for the error.
            max_diff: The largest difference that passes, as a share of the largest answer (or of 1 if that is
                larger); None for no bound.

        Returns:
            A dict: `agreement`; `max_abs_diff` and `mean_abs_diff` over finite outputs; `samples`, their number; with
            labels `accuracy`, `model_accuracy` and the expected calibration errors `ece` and `model_ece`, or what
            `tlkeras.export.answers.scores` has of labels and values.

        Raises:
            ExportMismatch: If a bound is exceeded.
            ValueError: If the shapes differ, or the model has a single output and the file no bound on differences.
        """
        if max_diff is None:
            self.check_classes()
        agreement, largest, mean = compare(self.answers, found, self.kind)
        facts = {"agreement": agreement, "max_abs_diff": largest, "mean_abs_diff": mean, "samples": len(found)}
        if self.labels is not None:
            of_file, of_model = (
                scores(outputs, self.labels, self.kind, _are_logits(self.answers)) for outputs in (found, self.answers)
            )
            facts |= of_file | {f"model_{name}": value for name, value in of_model.items()}
        limit = np.inf if max_diff is None else max_diff * max(1.0, float(np.abs(self.answers).max()))
        bounds = [f"agreement must be >= {self.min_agreement}", f"the largest difference <= {limit:.4g}"]
        received = [f"agreement {agreement:.4f}", f"largest difference {largest:.4g}"]
        drop = 0.0
        if self.max_drop is not None:
            drop = 100 * (1 - agreement)
            what = "the share of changed answers"
            if self.labels is not None:
                score = SCORES[self.kind]
                what, drop = f"the loss of {score}", 100 * (facts[f"model_{score}"] - facts[score])
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
        labels: Integers `(n, ...)` in [0, classes), one an answer, or None; of a `tlkeras.surgery.multi_label` 0 or 1
            `(n, labels)`, of a `regressor` numbers `(n,)` or `(n, outputs)`.
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
    answers = model.predict(samples, verbose=0)
    if not all(np.isfinite(values).any() for values in keras.tree.flatten(answers)):
        raise ValueError(f"`model` must give finite answers. Received: no finite number on {len(samples)} samples")
    bounds = {"min_agreement": min_agreement, "max_drop": max_drop}
    if isinstance(answers, dict):
        of_outputs = labels_by_output(labels, answers, max_drop)
        parts = {}
        for name, values in answers.items():
            values = np.asarray(values, "float32")
            kind = "values" if values.shape[-1] == 1 else "classes"
            own = checked_labels(of_outputs[name], values.shape, kind) if name in of_outputs else None
            parts[name] = Reference(samples=samples, answers=values, labels=own, kind=kind, **bounds)
        return References(samples=samples, parts=parts)
    answers, kind = np.asarray(answers, "float32"), answers_of(model) or "classes"
    labels = None if labels is None else checked_labels(labels, answers.shape, kind)
    return Reference(samples=samples, answers=answers, labels=labels, kind=kind, **bounds)


def compare(expected: np.ndarray, found: np.ndarray, kind: str = "classes") -> tuple[float, float, float]:
    """Return the share of equal answers (not finite = unequal), and largest and mean difference of finite outputs.

    Args:
        expected: Array `(..., outputs)`.
        found: Array of the same shape.
        kind: As in `Reference`; of classes answers are equal where the argmax is.

    Returns:
        `(agreement, max_abs_diff, mean_abs_diff)`; the differences are infinite when nothing is finite.

    Raises:
        ValueError: If the shapes differ.
    """
    if expected.shape != found.shape:
        raise ValueError(f"The file's output must have the model's shape {expected.shape}. Received: {found.shape}")
    finite = np.isfinite(expected).all(-1) & np.isfinite(found).all(-1)
    same = finite & same_answers(expected, found, kind)
    differences = np.abs(expected - found)[finite] if finite.any() else np.array([np.inf])
    return float(same.mean()), float(differences.max()), float(differences.mean())


def _are_logits(answers: np.ndarray) -> bool:
    return bool(answers.min() < 0 or not np.allclose(answers.sum(-1), 1, atol=1e-3))
