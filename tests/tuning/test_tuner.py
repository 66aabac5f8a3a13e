import csv
import json
import pathlib

import pytest

from tlkeras.tuning import Request, tune
from tlkeras.tuning.tuner import NoScore

RECIPE = pathlib.Path(__file__).with_name("toy_recipe.py")


def test_a_recipe_is_searched_and_its_best_flags_trained(tmp_path, capfd):
    request = Request(RECIPE, "rate=1e-3..1e-1:log,depth", trials=6, seeds=2)
    records = tune(request, ["--steps", "45"], directory=tmp_path)
    assert len(records) == 6 and set(records[0].values) == {"rate", "depth"}
    assert all((record.status == "failed") == (record.values["depth"] == "all") for record in records)
    best = json.loads((tmp_path / "best.json").read_text())
    assert best == {
        "source": "", **records[0].values, "steps": 45, "epochs": 9, "cache": "", "quick": False
    }  # fmt: skip
    trained = json.loads((tmp_path / "best" / "config.json").read_text())
    assert trained["rate"] == best["rate"] and trained["cache"] == str(tmp_path / "cache") and not trained["resume"]
    assert not (tmp_path / "cache").exists()
    page, printed = (tmp_path / "report.html").read_text(), capfd.readouterr().out
    assert all(text in page for text in ("Search over toy_recipe", "The best flags", "75.0", "87.5", "oracle"))
    assert page.count("<img") == 2
    assert "6 trials of a random search" in printed and "collapsed after epoch 3" in printed
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert plan["objective"] == "peak" and plan["epochs"] == 9 and "rate" not in plan["fixed"]


def test_a_search_that_ended_is_taken_further(tmp_path):
    tune(Request(RECIPE, "rate", trials=2, seeds=1), [], directory=tmp_path)
    records = tune(Request(RECIPE, "rate", trials=3, seeds=1), [], directory=tmp_path, resume=True)
    assert len(records) == 3 and json.loads((tmp_path / "best" / "config.json").read_text())["resume"]
    with pytest.raises(ValueError, match="of the flags, steps was 90 and is 45"):
        tune(Request(RECIPE, "rate", trials=3, seeds=1), ["--steps", "45"], directory=tmp_path, resume=True)


@pytest.mark.slow
def test_workers_find_what_one_process_finds(tmp_path, capfd):
    alone = tune(Request(RECIPE, "rate", trials=4, seeds=0), ["--steps", "45"], directory=tmp_path / "alone")
    request = Request(RECIPE, "rate", trials=4, seeds=1, workers=2)
    records = tune(request, ["--steps", "45"], directory=tmp_path / "team")
    assert [(r.values, r.score) for r in records] == [(r.values, r.score) for r in alone]
    assert (tmp_path / "team" / "report.html").exists() and "listening on 127.0.0.1:" in capfd.readouterr().out
    with pytest.raises(ValueError, match="a worker could not go on, and said why above"):
        tune(request, ["--source", "nowhere"], directory=tmp_path / "bad")
    assert "tlkeras: `--source` must be a folder of images" in capfd.readouterr().err


@pytest.mark.parametrize("fields", [{"workers": -1}, {"workers": 2, "chief": "a:1"}, {"listen": ":1", "chief": "a:1"}])
def test_a_worker_has_no_workers(fields):
    with pytest.raises(ValueError, match="`workers` must be at least 0, and only a chief has some"):
        Request(RECIPE, **fields)


def test_scores_against_a_cost_show_their_front(tmp_path, capfd):
    request = Request(RECIPE, "rate,depth=0|2", trials=12, tuner="optuna", against="bytes", seeds=0)
    records = tune(request, [], directory=tmp_path)
    assert {record.figures["bytes"] for record in records} == {1000, 3000} and len(records) == 12
    cheapest = max((r for r in records if r.values["depth"] == "0"), key=lambda r: r.score)
    page, printed = (tmp_path / "report.html").read_text(), capfd.readouterr().out
    assert "Scores against bytes" in page and "whatever they cost" in page and page.count("<img") == 3
    assert "no other beats these" in page and "no other beats these" in printed
    assert json.loads((tmp_path / "best.json").read_text())["rate"] == records[0].values["rate"]
    with open(tmp_path / "leaderboard.csv", newline="") as file:
        front = [int(row["trial"]) for row in csv.DictReader(file) if row["front"] == "yes"]
    assert cheapest.trial in front and records[0].trial in front and len(front) <= 2


def test_hyperband_shortens_what_the_recipe_names(tmp_path):
    records = tune(Request(RECIPE, "rate", trials=13, tuner="hyperband", seeds=0), [], directory=tmp_path)
    assert {(record.share, record.figures["steps"]) for record in records} == {(1 / 9, 10), (1 / 3, 30), (1.0, 90)}
    assert not (tmp_path / "best").exists()


@pytest.mark.parametrize(
    ("request_", "arguments", "message"),
    [
        (Request("nowhere.py"), [], "`recipe` must be a Python file"),
        (Request(__file__), [], "must declare Flags, SEARCH, .*without Flags, SEARCH"),
        (Request(RECIPE, "ratio"), [], "`search` must name some of rate, depth, each once.*ratio cannot be searched"),
        (Request(RECIPE, "rate=1..100"), [], "`--rate` must be above 0 and at most 10"),
        (Request(RECIPE, "rate"), ["--rate", "1"], "`search` must leave out .*both for .'rate'"),
        (Request(RECIPE, "rate"), ["--stops", "1"], "unrecognized arguments: --stops"),
        (Request(RECIPE, "rate"), ["--steps", "many"], "invalid int value"),
        (Request(RECIPE, "rate", objective="target_accuracy"), [], "`objective` must be one of peak, other: labels"),
        (Request(RECIPE, "rate"), ["--source", "nowhere"], "`--source` must be a folder"),
        (Request(RECIPE, "rate", tuner="grid"), [], "`tuner` must be one of"),
        (Request(RECIPE, "rate", tuner="optuna", against="latency"), [], "`against` must be one of bytes"),
        (Request(RECIPE, "rate", against="bytes"), [], "`against` needs the tuner optuna"),
        (Request(RECIPE, "rate", tuner="optuna", workers=2), [], "`tuner` must be one of KerasTuner's to have workers"),
    ],
)
def test_what_does_not_fit_is_refused_before_a_trial(tmp_path, request_, arguments, message):
    with pytest.raises(ValueError, match=message):
        tune(request_, arguments, directory=tmp_path / "out")
    assert not (tmp_path / "out" / "plan.json").exists()


def test_when_all_trials_fail_it_says_why(tmp_path):
    with pytest.raises(NoScore, match=r"No trial came to a score.*Received: 3 x collapsed after epoch 3: predicts 1"):
        tune(Request(RECIPE, "rate", trials=3), ["--source", "bad"], directory=tmp_path)
    assert "collapsed" in (tmp_path / "leaderboard.md").read_text()


def test_when_the_best_cannot_be_trained_it_says_so(tmp_path):
    with pytest.raises(OSError, match=r"could not be trained: toy_recipe.py ended with 3"):
        tune(Request(RECIPE, "rate", trials=1), ["--source", "untrainable"], directory=tmp_path)
