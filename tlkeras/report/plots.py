"""Curves and the confusion matrix; matplotlib's object interface, so no state and no display."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

WIDTH = 8.0  # inches; at 120 dots an inch it fills the column of the page


def curves(histories: Mapping[str, Mapping[str, Sequence[float]]], *, measure: str = "accuracy") -> Figure:
    """Draw what training logged: losses and scores on the left, the figure that counts on the right, one row a model.

    Args:
        histories: `{model name: history}`, where a history is `fit(...).history`: `{series: one value an epoch}`.
            Series with `measure` or `accuracy` in the name go to the right.
        measure: Name of the figure that counts.

    Returns:
        A matplotlib figure.

    Raises:
        ValueError: If there is no history.
    """
    if not histories:
        raise ValueError(f"`histories` must have at least one model. Received: {histories}")
    figure = Figure(figsize=(WIDTH, 2.5 * len(histories) + 0.3), layout="constrained")
    grid = figure.subplots(len(histories), 2, squeeze=False)
    for (name, history), (losses, accuracies) in zip(histories.items(), grid, strict=True):
        for series, values in history.items():
            axis = accuracies if measure in series or "accuracy" in series else losses
            axis.plot(np.arange(1, len(values) + 1), values, marker=".", label=series.replace("_", " "))
        _scale(losses)
        losses.set_title(f"{name}: loss terms", fontsize=10, loc="left")
        accuracies.set_title(measure.replace("_", " "), fontsize=10, loc="left")
        for axis in (losses, accuracies):
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
            axis.grid(alpha=0.3)
            if axis.lines:
                axis.legend(fontsize=7)
            else:
                axis.set_axis_off()
    for axis in grid[-1]:
        axis.set_xlabel("epoch")
    return figure


def _scale(axis) -> None:
    """Take a logarithmic axis where one series would otherwise flatten the others."""
    values = np.concatenate([line.get_ydata() for line in axis.lines]) if axis.lines else np.ones(1)
    if np.isfinite(values).all() and values.min() > 0 and values.max() / values.min() > 20:
        axis.set_yscale("log")


def confusion_matrix(labels, predictions, *, class_names: Sequence[str] | None = None) -> Figure:
    """Draw which class was taken for which: rows are true classes and sum to 1 in colour; the numbers are counts.

    Args:
        labels: Integer array `(n,)`, the true classes.
        predictions: Integer array `(n,)`.
        class_names: One name a class; the numbers by default.

    Returns:
        A matplotlib figure.

    Raises:
        ValueError: If the arrays differ in shape, are empty, or hold a class without a name.
    """
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if labels.shape != predictions.shape or labels.ndim != 1 or not len(labels):
        raise ValueError(
            f"`labels` and `predictions` must be equally long vectors. Received: {labels.shape}, {predictions.shape}"
        )
    highest = int(max(labels.max(), predictions.max()))
    names = [str(index) for index in range(highest + 1)] if class_names is None else list(class_names)
    if highest >= len(names) or min(labels.min(), predictions.min()) < 0:
        raise ValueError(f"`class_names` must name every class. Received: {len(names)} names, class {highest}")
    counts = np.zeros((len(names), len(names)), "int64")
    np.add.at(counts, (labels, predictions), 1)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    size = min(WIDTH, 2.0 + 0.5 * len(names))
    figure = Figure(figsize=(size, size * 0.92), layout="constrained")
    axis = figure.subplots()
    image = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axis, shrink=0.8, label="share of the true class")
    axis.set_xticks(range(len(names)), names, rotation=90 if max(map(len, names)) > 2 else 0)
    axis.set_yticks(range(len(names)), names)
    axis.set_xlabel("predicted")
    axis.set_ylabel("true")
    if len(names) <= 20:
        for (row, column), count in np.ndenumerate(counts):
            if count:
                color = "white" if shares[row, column] > 0.5 else "black"
                axis.text(column, row, str(count), ha="center", va="center", fontsize=8, color=color)
    return figure


def predicted_against_true(labels, predictions, *, names: Sequence[str] | None = None) -> Figure:
    """Draw a point for each row, its predicted value over its true one, and the diagonal where both are equal.

    Args:
        labels: Array `(n,)` or `(n, outputs)`, the true values.
        predictions: Array `(n,)` or `(n, outputs)`.
        names: One name an output; the numbers by default.

    Returns:
        A matplotlib figure, one panel an output, with R2 and the mean absolute error above it.

    Raises:
        ValueError: If the arrays are empty, of different sizes or not finite, or an output has no name.
    """
    predictions = np.asarray(predictions, "float64")
    predictions = predictions.reshape(len(predictions), -1)
    labels = np.asarray(labels, "float64").reshape(len(labels), -1)
    names = [str(index) for index in range(predictions.shape[1])] if names is None else list(names)
    if labels.shape != predictions.shape or not labels.size or len(names) != labels.shape[1]:
        raise ValueError(
            "`labels` and `predictions` must be (n, outputs), and `names` one an output. "
            f"Received: {labels.shape}, {predictions.shape}, {len(names)} names"
        )
    if not (np.isfinite(labels).all() and np.isfinite(predictions).all()):
        raise ValueError("`labels` and `predictions` must be finite. Received: NaN or infinity")
    columns = min(len(names), 3)
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(WIDTH * columns / 3 + 1, 3.2 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, name, true, predicted in zip(axes, names, labels.T, predictions.T, strict=False):
        ends = [min(true.min(), predicted.min()), max(true.max(), predicted.max())]
        axis.plot(ends, ends, color="0.6", linewidth=1)
        axis.scatter(true, predicted, s=8, alpha=0.5, linewidths=0)
        explained = 1 - np.mean((true - predicted) ** 2) / max(true.var(), np.finfo("float64").tiny)
        axis.set_title(f"{name}: R2 {explained:.2f}, MAE {np.abs(true - predicted).mean():.3g}", fontsize=9, loc="left")
        axis.set_xlabel("true")
        axis.set_ylabel("predicted")
    for axis in axes[len(names) :]:
        axis.set_axis_off()
    return figure
