"""What a model answers: how it is trained, what scores it, and what can be said of it without labels."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np

from tlkeras import report, validators


@dataclasses.dataclass(frozen=True)
class Problem:
    """One kind of answer.

    Attributes:
        measure: Name of the figure: `target_MEASURE_last` and so on in `metrics.json`.
        best: Function that picks the best of several figures: `max`, or `min` of an error.
        loss: Function without arguments that makes the loss of labels and the model's outputs.
        metrics: Function without arguments that makes the metrics of training; one is named `measure`.
        figure: Function of outputs and labels that returns the figure.
        table: Function of `{row: {"last", "selected", "selected_by", "oracle"}}` that returns a `tlkeras.report.Table`.
        pictures: Function of outputs, labels and names that returns `(heading, part)` for the report.
        validator: Name of the score without target labels that selects an epoch.
        unlabelled: Function of the outputs on the target and the names of the outputs that returns what can be said
            without labels: a `score`, and `predicted`, a dict of counts or figures by name.
        score_name: What the report calls the score.
        unlabelled_note: What the report says of these figures.
        classes: Whether labels are the numbers of classes.
        hold_out: Whether a fifth of the source is not trained on: the guard, and scores of the source, look at it.
        prior: Function of the source's labels that returns the shares which the classes are taken to have in the
            target, by which a collapse is told, or None for even ones.
    """

    measure: str
    best: Callable
    loss: Callable
    metrics: Callable
    figure: Callable
    table: Callable
    pictures: Callable
    validator: str
    unlabelled: Callable
    score_name: str
    unlabelled_note: str
    classes: bool = False
    hold_out: bool = False
    prior: Callable = lambda labels: None


def accuracy(logits, labels):
    """Returns the share of rows classified rightly."""
    return float((logits.argmax(axis=-1) == labels).mean())


def predicted_classes(logits, names):
    """Returns the information of the predictions, and `{class: how many rows are taken for it}`."""
    counts = np.bincount(logits.argmax(axis=1), minlength=len(names))
    return {
        "score": validators.information_maximization(logits),
        "predicted": dict(zip(names, counts.tolist(), strict=True)),
    }


def confusions(logits, labels, names):
    """Returns the picture of the confusion matrix."""
    figure = report.confusion_matrix(np.asarray(labels), logits.argmax(axis=1), class_names=list(names))
    return [("Confusion matrix", report.Image(figure, alt="Confusions."))]


CLASSIFICATION = Problem(
    measure="accuracy",
    best=max,
    loss=lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=lambda: ["accuracy"],
    figure=accuracy,
    table=report.accuracy_table,
    pictures=confusions,
    validator="information_maximization",
    unlabelled=predicted_classes,
    score_name="information",
    unlabelled_note="Without labels: information is the entropy of the mean prediction less the mean entropy, 0 to "
    "log(classes), higher is better; then how many target rows are taken for each class. A class that vanishes is a "
    "warning.",
    classes=True,
)
PROBLEMS = {problem.measure: problem for problem in (CLASSIFICATION,)}
