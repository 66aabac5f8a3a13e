"""The problem of dense prediction: a class for every pixel, scored by the mean intersection over union."""

import keras
import numpy as np

from recipes.common.problems import PROBLEMS, Problem, confusions
from recipes.common.scenes import CLASSES
from tlkeras import report, validators
from tlkeras.validators.positions import rows_of_positions


def intersections_over_unions(predicted, labels, classes):
    """Returns the intersection over union of each class, NaN for one that is in neither.

    Args:
        predicted: Integers of any shape.
        labels: Integers of that shape.
        classes: Number of classes.
    """
    counts = np.bincount((classes * labels + predicted).ravel(), minlength=classes**2).reshape(classes, classes)
    unions = counts.sum(axis=0) + counts.sum(axis=1) - np.diag(counts)
    return np.diag(counts) / np.where(unions == 0, np.nan, unions)


def mean_iou(logits, labels):
    """Returns the mean over the classes that are there."""
    return float(np.nanmean(intersections_over_unions(logits.argmax(axis=-1), labels, logits.shape[-1])))


def predicted_shares(logits, names):
    """Returns the information of some pixels' predictions, and `{class: share of all pixels}`."""
    some, _, _ = rows_of_positions(logits)
    shares = np.bincount(logits.argmax(axis=-1).ravel(), minlength=len(names)) / logits[..., 0].size
    return {
        "score": validators.information_maximization(some),
        "predicted": {name: f"{100 * share:.1f} %" for name, share in zip(names, shares, strict=True)},
    }


def pictures(logits, labels, names):
    """Returns the table of the classes and the confusion matrix of some pixels."""
    found = intersections_over_unions(logits.argmax(axis=-1), labels, len(names))
    some, _, their = rows_of_positions(logits, labels=labels)
    table = report.records_table(
        [{"class": name, "IoU %": f"{100 * value:.1f}"} for name, value in zip(names, found, strict=True)]
    )
    return [("Intersection over union", table), *confusions(some, their, names)]


SEGMENTATION = Problem(
    measure="mean_iou",
    best=max,
    loss=lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=lambda: [keras.metrics.MeanIoU(len(CLASSES), sparse_y_pred=False, name="mean_iou"), "accuracy"],
    figure=mean_iou,
    table=lambda rows: report.accuracy_table(rows, what="Mean intersection over union"),
    pictures=pictures,
    validator="information_maximization",
    unlabelled=predicted_shares,
    score_name="information",
    unlabelled_note="Without labels: information is the entropy of the mean prediction of a pixel less the mean "
    "entropy, 0 to log(classes), higher is better; then the share of the target's pixels that each class is given.",
)
PROBLEMS[SEGMENTATION.measure] = SEGMENTATION
