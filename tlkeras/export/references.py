"""What a file of several named outputs is compared with: a reference for each output."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, kw_only=True)
class References:
    """The references of a model that returns a dict, with the verbs of one.

    Args:
        samples: As in `Reference`.
        parts: `{output: Reference}`.
    """

    samples: np.ndarray
    parts: dict
    max_drop = None  # operators that stay float are found for a model with one output

    @property
    def answers(self) -> np.ndarray:
        """The answers of the output with the most classes, which choose the samples that calibrate."""
        return max((part.answers for part in self.parts.values()), key=lambda answers: answers.shape[-1])

    def at(self, rows):
        """Return the references on some of the samples."""
        parts = {name: part.at(rows) for name, part in self.parts.items()}
        return dataclasses.replace(self, samples=self.samples[rows], parts=parts)

    def check_classes(self) -> None:
        """Refuse answers of which no quantised file can be judged, as `Reference.check_classes` does."""
        for part in self.parts.values():
            part.check_classes()

    def check(self, found: dict, name: str, max_diff: float | None = None) -> dict:
        """Return what a file's answers show, or say of which output they are not the model's.

        Args:
            found: `{output: answers}` of the file.
            name: What is compared, for the error.
            max_diff: As in `Reference.check`.

        Returns:
            A dict: the smallest `agreement` and the largest `max_abs_diff` and `mean_abs_diff` of all outputs,
            `samples`, and `outputs`: for each what `Reference.check` returns.

        Raises:
            ExportMismatch: If a bound is exceeded.
            ValueError: If the outputs have other names, or as in `Reference.check`.
        """
        if not isinstance(found, dict) or sorted(found) != sorted(self.parts):
            names = sorted(found) if isinstance(found, dict) else "one output without a name"
            raise ValueError(f"{name} must have the outputs {sorted(self.parts)} of its model. Received: {names}")
        outputs = {
            output: part.check(found[output], f"Output {output!r} of {name}", max_diff)
            for output, part in self.parts.items()
        }
        of = {key: [facts[key] for facts in outputs.values()] for key in ("agreement", "max_abs_diff", "mean_abs_diff")}
        return {
            "agreement": min(of["agreement"]),
            "max_abs_diff": max(of["max_abs_diff"]),
            "mean_abs_diff": max(of["mean_abs_diff"]),
            "samples": len(self.samples),
            "outputs": outputs,
        }


def labels_by_output(labels, names, max_drop) -> dict:
    """Return the labels of each output that has some, after checking what holds for all.

    Args:
        labels: `{output: labels}` of some of the outputs, or None.
        names: Names of the outputs.
        max_drop: As in `Reference`.

    Raises:
        ValueError: If labels are of other outputs, or `max_drop` is given.
    """
    labels = {} if labels is None else labels
    if not isinstance(labels, dict) or not set(labels) <= set(names):
        raise ValueError(
            f"`labels` must be a dict of labels of the outputs {sorted(names)}. "
            f"Received: {sorted(labels) if isinstance(labels, dict) else type(labels).__name__}"
        )
    if max_drop is not None:
        raise ValueError(
            "`max_drop` holds for a model with one output: leave it out, or export each output by itself, "
            f"`keras.Model(model.input, model.output[name])`. Received: max_drop={max_drop}"
        )
    return labels
