import optuna
import pytest

from tlkeras.tuning.optuna_space import distributions, propose
from tlkeras.tuning.plan import Plan
from tlkeras.tuning.space import Choice, Float, Int

SPACE = {"rate": Float(1e-4, 1.0, log=True), "width": Int(1, 5), "kind": Choice(("a", "b")), "drop": Float(0, 0.5)}
PLAN = Plan(SPACE, tuner="optuna")


def searched(plan, score, trials):
    """Returns the trials of a search without failures, as Optuna's."""
    ended = []
    while len(ended) < trials and (values := propose(plan, ended)) is not None:
        found = score(values)
        ended.append(
            optuna.trial.create_trial(
                values=found if plan.against else [found], params=values, distributions=distributions(plan)
            )
        )
    return ended


def test_values_lie_in_the_space_and_repeat():
    first = searched(PLAN, lambda values: values["width"], 15)
    assert [trial.params for trial in searched(PLAN, lambda values: values["width"], 15)] == [t.params for t in first]
    for trial in first:
        assert list(trial.params) == list(SPACE)
        assert 1e-4 <= trial.params["rate"] <= 1 and 0 <= trial.params["drop"] <= 0.5
        assert trial.params["width"] in range(1, 6) and trial.params["kind"] in ("a", "b")
    other = searched(Plan(SPACE, tuner="optuna", seed=1), lambda values: values["width"], 3)
    assert [trial.params for trial in other] != [trial.params for trial in first[:3]]


def test_a_log_scale_gives_every_factor_its_share():
    rates = [trial.params["rate"] for trial in searched(PLAN, lambda values: 0.0, 10)]  # drawn at random
    assert sum(rate < 1e-2 for rate in rates) in range(2, 9)  # of 10; on a linear scale nearly none


def test_what_scores_well_is_tried_more_often():
    ended = searched(PLAN, lambda values: -abs(values["drop"] - 0.4), 40)
    near = [abs(trial.params["drop"] - 0.4) < 0.05 for trial in ended]  # a fifth of the range
    assert sum(near[20:]) > 2 * sum(near[:10])


def test_no_combination_comes_twice_and_all_come():
    plan = Plan({"x": Choice((1, 2, 3)), "y": Int(0, 3)}, tuner="optuna")
    ended = searched(plan, lambda values: values["x"] * values["y"], 99)
    assert sorted((trial.params["x"], trial.params["y"]) for trial in ended) == [
        (x, y) for x in (1, 2, 3) for y in range(4)
    ]  # fmt: skip


@pytest.mark.parametrize("against", ["", "bytes"])
def test_a_space_of_one_combination_ends(against):
    plan = Plan({"x": Choice(("only",))}, tuner="optuna", against=against)
    assert len(searched(plan, lambda values: [1.0, 2.0] if against else 1.0, 5)) == 1


def test_two_objectives_find_both_ends():
    plan = Plan({"width": Int(1, 100)}, tuner="optuna", against="bytes")
    widths = [trial.params["width"] for trial in searched(plan, lambda values: [float(values["width"])] * 2, 30)]
    assert min(widths) < 20 and max(widths) > 80 and len(set(widths)) == 30
