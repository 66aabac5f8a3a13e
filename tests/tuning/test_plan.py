import dataclasses
import json
import sys

import pytest

from tlkeras.tuning.plan import Plan, difference
from tlkeras.tuning.space import Choice, Float

PLAN = Plan({"rate": Float(0.1, 0.5), "depth": Choice(("0", "2"))}, fixed={"source": "studio", "steps": 10})


def test_a_plan_is_plain_json():
    again = json.loads(json.dumps(PLAN.as_json()))
    assert again == PLAN.as_json() and PLAN.changes(again) == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"tuner": "bayesian"}, "tuner was random and is bayesian"),
        ({"objective": "snd"}, "objective was score and is snd"),
        ({"seed": 1}, "seed was 0 and is 1"),
        ({"trials": 20}, "trials was 30 and is 20"),
        ({"space": {"rate": Float(0.1, 0.4), "depth": Choice(("0", "2"))}},
         "of the search space, rate was 0.1..0.5 and is 0.1..0.4"),
        ({"space": {"rate": Float(0.1, 0.5)}}, "of the search space, depth was 0|2 and is not there"),
        ({"fixed": {"source": "street", "steps": 10}}, "of the flags, source was studio and is street"),
    ],
)  # fmt: skip
def test_another_plan_does_not_go_on(tmp_path, changed, words):
    plan = dataclasses.replace(PLAN, **changed)
    assert plan.changes(PLAN.as_json()) == [words]
    (tmp_path / "plan.json").write_text(json.dumps(PLAN.as_json()))
    with pytest.raises(ValueError, match="A search goes on as it was started") as caught:
        plan.refuse(tmp_path, True)
    assert words in str(caught.value)


def test_more_trials_go_on():
    assert dataclasses.replace(PLAN, trials=40).changes(PLAN.as_json()) == []


def test_a_search_is_begun_once_and_resumed_where_it_is(tmp_path):
    PLAN.refuse(tmp_path, False)
    with pytest.raises(ValueError, match="`directory` must hold a search to resume"):
        PLAN.refuse(tmp_path, True)
    (tmp_path / "plan.json").write_text(json.dumps(PLAN.as_json()))
    PLAN.refuse(tmp_path, True)
    with pytest.raises(ValueError, match="`directory` holds a search"):
        PLAN.refuse(tmp_path, False)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"tuner": "grid"}, "`tuner` must be one of"),
        ({"space": {}}, "at least one name"),
        ({"trials": 0}, "`trials` and"),
        ({"epochs": 0}, "`trials` and"),
        ({"seed": -1}, "`trials` and"),
        ({"tuner": "hyperband", "epochs": 2}, "`epochs` must be at least 3"),
        ({"against": "bytes"}, "`against` needs the tuner optuna.*Received: against='bytes', tuner='random'"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(PLAN, **wrong)


def test_without_optuna_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ValueError, match=r'pip install "tlkeras\[optuna\]"'):
        dataclasses.replace(PLAN, tuner="optuna")


def test_another_cost_is_another_search():
    plan = dataclasses.replace(PLAN, tuner="optuna", against="bytes")
    assert "against was empty and is bytes" in plan.changes(PLAN.as_json())


def test_a_difference_is_said_in_words():
    old, new = {"a": "1..2", "b": ["x"], "c": 1, "e": ""}, {"b": ["x", "y"], "c": 1, "d": "0..1", "e": "z"}
    assert difference(old, new) == [
        "a was 1..2 and is not there", "b was x and is x|y", "e was empty and is z", "d was not there and is 0..1",
    ]  # fmt: skip
    assert difference(old, dict(old)) == []
