"""Pictures of a search: how the score depends on the values."""

import math

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from tlkeras.report.plots import WIDTH
from tlkeras.tuning.front import front_of
from tlkeras.tuning.space import Choice


def parallel(records, plan):
    """Returns parallel coordinates: one axis for each name and the score, one line for each trial, coloured by score.

    Args:
        records: Of the trials with a score; at least one.
        plan: `Plan`.
    """
    names = list(plan.space)
    scores = np.array([record.score for record in records])
    low, high = scores.min(), scores.max()
    heights = (scores - low) / (high - low) if high > low else np.full(len(scores), 0.5)
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    axis = figure.subplots()
    for record, height in sorted(zip(records, heights, strict=True), key=lambda pair: pair[1]):
        places = [place_of(plan.space[name], record.values[name]) for name in names]
        axis.plot(range(len(names) + 1), [*places, height], color=matplotlib.colormaps["viridis"](height), alpha=0.8)
    for index, name in enumerate(names):
        axis.axvline(index, color="0.7", linewidth=0.8)
        for value in ticks_of(plan.space[name]):
            axis.annotate(f" {_short(value)}", (index, place_of(plan.space[name], value)), fontsize=7)
    axis.axvline(len(names), color="0.7", linewidth=0.8)
    for height, score in ((0.0, low), (1.0, high)) if high > low else ((0.5, low),):
        axis.annotate(f" {score:.3g}", (len(names), height), fontsize=7)
    axis.set_xticks(range(len(names) + 1), [*names, plan.objective.replace("_", "\n")], fontsize=8)
    axis.set_yticks([])
    axis.set_xlim(-0.2, len(names) + 0.4)
    axis.set_frame_on(False)
    return figure


def depths_and_rates(records, plan):
    """Returns the scores over rate (across) and depth (up), or None where not both of them were searched.

    Args:
        records: Of the trials with a score; at least one.
        plan: `Plan`.
    """
    if not {"depth", "rate"} <= set(plan.space):
        return None
    figure = Figure(figsize=(WIDTH, 3.0), layout="constrained")
    axis = figure.subplots()
    depths = ticks_of(plan.space["depth"])
    rates = [record.values["rate"] for record in records]
    rows = [place_of(plan.space["depth"], record.values["depth"]) * (len(depths) - 1) for record in records]
    points = axis.scatter(rates, rows, c=[record.score for record in records], s=60, edgecolors="0.3", linewidths=0.5)
    figure.colorbar(points, ax=axis, label=plan.objective.replace("_", " "))
    if getattr(plan.space["rate"], "log", False):
        axis.set_xscale("log")
    axis.set_yticks(range(len(depths)), [_short(depth) for depth in depths])
    axis.set_xlabel("rate")
    axis.set_ylabel("blocks that train")
    axis.grid(alpha=0.3)
    return figure


def scores_and_costs(records, plan):
    """Returns the scores (up) over their costs (across), with the Pareto front as a line of steps.

    Args:
        records: Of the trials with a score; at least one.
        plan: `Plan` with a cost.
    """
    front = front_of(records, plan.against)
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    axis = figure.subplots()
    beaten = [record for record in records if record not in front]
    for several, colour, label in ((beaten, "0.6", "beaten by another"), (front, "tab:blue", "on the front")):
        costs = [record.figures[plan.against] for record in several]
        axis.scatter(costs, [record.score for record in several], color=colour, s=36, label=label, zorder=2)
    ends = [(record.figures[plan.against], record.score) for record in front]
    ends.append((max(record.figures[plan.against] for record in records), ends[-1][1]))
    axis.step(*zip(*ends, strict=True), where="post", color="tab:blue", linewidth=1, zorder=1)
    for record in front:
        place = (record.figures[plan.against], record.score)
        axis.annotate(f"trial {record.trial}", place, xytext=(4, 4), textcoords="offset points", fontsize=7)
    axis.set_xlabel(f"{plan.against.replace('_', ' ')} (lower is better)")
    axis.set_ylabel(plan.objective.replace("_", " "))
    axis.grid(alpha=0.3)
    axis.margins(y=0.12)
    axis.legend(fontsize=8, loc="lower right")
    return figure


def place_of(dimension, value) -> float:
    """Returns where a value lies between the ends of its dimension, in [0, 1].

    Args:
        dimension: `Float`, `Int` or `Choice`.
        value: One of its values.
    """
    if isinstance(dimension, Choice):
        return dimension.values.index(value) / max(1, len(dimension.values) - 1)
    low, high = dimension.low, dimension.high
    if getattr(dimension, "log", False):
        return math.log(value / low) / math.log(high / low)
    return (value - low) / (high - low)


def ticks_of(dimension) -> tuple:
    """Returns the values to write beside an axis.

    Args:
        dimension: `Float`, `Int` or `Choice`.
    """
    return dimension.values if isinstance(dimension, Choice) else (dimension.low, dimension.high)


def _short(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)
