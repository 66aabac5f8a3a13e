import io

import pytest

from tlkeras.tuning.pictures import depths_and_rates, parallel, place_of, scores_and_costs
from tlkeras.tuning.plan import Plan
from tlkeras.tuning.record import Record
from tlkeras.tuning.space import Choice, Float, Int

SPACE = {"rate": Float(1e-4, 1.0, log=True), "depth": Choice(("0", "2", "all")), "width": Int(1, 5)}
RECORDS = [
    Record(0, {"rate": 1e-2, "depth": "2", "width": 1}, "done", 0.25),
    Record(1, {"rate": 1.0, "depth": "all", "width": 5}, "done", 0.75),
]


@pytest.mark.parametrize(
    ("name", "value", "place"), [("rate", 1e-2, 0.5), ("depth", "2", 0.5), ("width", 2, 0.25), ("width", 5, 1.0)]
)
def test_values_lie_between_the_ends(name, value, place):
    assert place_of(SPACE[name], value) == pytest.approx(place)
    assert place_of(Choice((3,)), 3) == 0


def test_a_line_for_each_trial_runs_to_its_score():
    axis = parallel(RECORDS, Plan(SPACE)).axes[0]
    lines = [line.get_ydata() for line in axis.lines[:2]]
    assert [list(line) for line in lines] == [pytest.approx([0.5, 0.5, 0, 0]), pytest.approx([1, 1, 1, 1])]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["rate", "depth", "width", "score"]


def test_a_single_score_lies_in_the_middle():
    axis = parallel(RECORDS[:1], Plan(SPACE)).axes[0]
    assert axis.lines[0].get_ydata()[-1] == 0.5


def test_the_front_is_drawn_through_what_no_other_beats():
    found = [(0.5, 10), (0.75, 30), (0.25, 20), (0.5, 50)]
    records = [Record(i, {}, "done", score, figures={"bytes": cost}) for i, (score, cost) in enumerate(found)]
    figure = scores_and_costs(records, Plan(SPACE, tuner="optuna", against="bytes"))
    figure.savefig(io.BytesIO())
    axis = figure.axes[0]
    beaten, front = (points.get_offsets().tolist() for points in axis.collections)
    assert beaten == [[20, 0.25], [50, 0.5]] and front == [[10, 0.5], [30, 0.75]]
    assert axis.lines[0].get_xydata().tolist() == [*front, [50, 0.75]] and axis.lines[0].get_drawstyle() == "steps-post"
    assert [note.get_text() for note in axis.texts] == ["trial 0", "trial 1"]


def test_scores_lie_over_rate_and_depth():
    figure = depths_and_rates(RECORDS, Plan(SPACE))
    figure.savefig(io.BytesIO())
    axis = figure.axes[0]
    points = axis.collections[0]
    assert points.get_offsets().tolist() == [[1e-2, 1.0], [1.0, 2.0]] and points.get_array().tolist() == [0.25, 0.75]
    assert axis.get_xscale() == "log" and [label.get_text() for label in axis.get_yticklabels()] == ["0", "2", "all"]
    assert depths_and_rates(RECORDS, Plan({"rate": SPACE["rate"]})) is None
