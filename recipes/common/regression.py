"""Problems whose answers are numbers."""

import dataclasses

import keras
import numpy as np

from recipes.common.problems import PROBLEMS, Problem
from tlkeras import report
from tlkeras.data import check_values
from tlkeras.layers import StandardizedError


def mean_absolute_error(values, labels):
    """Returns the mean absolute error, over the outputs as well."""
    return float(np.abs(values - np.asarray(labels).reshape(values.shape)).mean())


def described(values, names):
    """Returns how far the values of the target deviate, and `{output: their mean}`."""
    means = {name: f"{mean:.4g}" for name, mean in zip(names, values.mean(axis=0), strict=True)}
    return {"score": float(values.std(axis=0).mean()), "predicted": means}


def scatter(values, labels, names):
    """Returns the picture of predicted against true values, with R2."""
    figure = report.predicted_against_true(labels, values, names=list(names))
    return [("Predicted against true", report.Image(figure, alt="A point for each row, near the diagonal if right."))]


REGRESSION = Problem(
    measure="mean_absolute_error",
    best=min,
    loss=lambda: StandardizedError([1.0]),
    metrics=lambda: [keras.metrics.MeanAbsoluteError(name="mean_absolute_error")],
    figure=mean_absolute_error,
    table=lambda rows: report.figures_table(rows, what="Mean absolute error", best="lowest"),
    pictures=scatter,
    validator="importance_weighted_r2",
    unlabelled=described,
    score_name="deviation",
    unlabelled_note="Without labels: how far the predicted values of the target deviate from their mean, and the mean. "
    "A deviation far below that of the source's values is a warning.",
    hold_out=True,
)
PROBLEMS[REGRESSION.measure] = REGRESSION


def regression_of(targets):
    """Returns the problem for a model made by `surgery.regressor(..., targets=targets)`: its loss has their scale.

    Args:
        targets: Numbers `(rows,)` or `(rows, outputs)` of the source.

    Raises:
        ValueError: If they are not finite numbers that differ.
    """
    targets = np.asarray(targets)
    check_values(targets, 1 if targets.ndim == 1 else targets.shape[-1])
    scale = targets.reshape(len(targets), -1).std(axis=0).tolist()
    return dataclasses.replace(REGRESSION, loss=lambda: StandardizedError(scale))
