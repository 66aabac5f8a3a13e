import csv
import dataclasses
import json
import time

import pytest

from tests.tuning.toy import plan_of, score_of, start
from tlkeras.tuning import Choice, Plan, TrialStopped, best_of, search
from tlkeras.tuning.record import read_all

TUNERS = ("random", "bayesian", "hyperband", "optuna")


def values_of(records):
    return {record.trial: (record.values, record.share) for record in records}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """One whole search with each tuner; a Gaussian process takes over after nine trials, Optuna's after ten."""
    folders = {tuner: tmp_path_factory.mktemp(tuner) for tuner in TUNERS}
    return {
        tuner: search(score_of, plan_of(tuner, 11 if tuner == "bayesian" else 20), directory=folder)
        for tuner, folder in folders.items()
    }


@pytest.mark.parametrize("tuner", TUNERS)
def test_every_trial_is_there_best_first(undisturbed, tuner):
    records = undisturbed[tuner]
    assert sorted(record.trial for record in records) == list(range(len(records)))
    assert len(records) == (11 if tuner == "bayesian" else 20)
    for record in records:
        assert record.status == "done" and record.score == score_of(record.values, record.share, None)["score"]
        assert 1e-4 <= record.values["rate"] <= 1 and record.values["width"] in range(1, 6)
    whole = [record.score for record in records if record.share == 1]
    assert whole == sorted(whole, reverse=True) and best_of(records) is records[0]


def test_hyperband_trains_many_briefly_and_the_best_of_them_longer(undisturbed):
    shares = {record.trial: record.share for record in undisturbed["hyperband"]}
    assert set(shares.values()) == {1 / 9, 1 / 3, 1.0} and shares[0] == 1 / 9
    brief = sorted((r for r in undisturbed["hyperband"] if r.share == 1 / 9), key=lambda r: -r.score)
    longer = [record.values for record in undisturbed["hyperband"] if record.share == 1 / 3 and record.trial < 13]
    assert [record.values for record in brief[: len(longer)]] == longer


@pytest.mark.parametrize("tuner", TUNERS)
def test_an_interrupted_search_goes_on_with_the_same_values(undisturbed, tuner, tmp_path):
    plan, stops = plan_of(tuner, len(undisturbed[tuner])), iter([0, 4, 10])

    def trial(values, share, report):
        if len(list((tmp_path / "trials").iterdir())) - 1 == stop:
            raise KeyboardInterrupt
        return score_of(values, share, report)

    for turn, stop in enumerate(stops):
        with pytest.raises(KeyboardInterrupt):
            search(trial, plan, directory=tmp_path, resume=turn > 0)
        assert [record.trial for record in read_all(tmp_path) if record.status == "running"] == [stop]
    records = search(score_of, plan, directory=tmp_path, resume=True)
    assert values_of(records) == values_of(undisturbed[tuner])
    assert [record.score for record in records] == [record.score for record in undisturbed[tuner]]


@pytest.mark.parametrize("tuner", ["random", "optuna"])
def test_more_trials_go_on_from_a_whole_search(tuner, undisturbed, tmp_path):
    search(score_of, plan_of(tuner, 5), directory=tmp_path)
    records = search(score_of, plan_of(tuner, 20), directory=tmp_path, resume=True)
    assert values_of(records) == values_of(undisturbed[tuner])


def test_a_trial_that_ended_before_its_result_was_kept_is_not_run_again(tmp_path):
    search(score_of, plan_of("random", 3), directory=tmp_path)
    state = json.loads((tmp_path / "tuner" / "oracle.json").read_text())
    last = state["trials"][-1]
    last["status"], last["score"] = "RUNNING", None
    state["ongoing_trials"], state["end_order"] = {"tuner0": last["trial_id"]}, state["end_order"][:-1]
    (tmp_path / "tuner" / "oracle.json").write_text(json.dumps(state))
    before = (tmp_path / "trials" / "0002.json").read_text()

    def never(values, share, report):
        raise AssertionError

    search(never, plan_of("random", 3), directory=tmp_path, resume=True)
    assert (tmp_path / "trials" / "0002.json").read_text() == before


def test_a_trial_that_ended_when_the_search_was_killed_has_ended(tmp_path):
    """KerasTuner saves the end of a trial before it forgets who ran it."""
    search(score_of, plan_of("random", 3), directory=tmp_path)
    path = tmp_path / "tuner" / "oracle.json"
    state = json.loads(path.read_text())
    state["ongoing_trials"] = {"tuner0": state["end_order"][-1]}
    path.write_text(json.dumps(state))
    ran = []

    def trial(values, share, report):
        ran.append(values)
        return score_of(values, share, report)

    assert len(search(trial, plan_of("random", 4), directory=tmp_path, resume=True)) == 4 and len(ran) == 1


def test_what_fails_is_recorded_with_the_reason_and_the_search_goes_on(tmp_path, capsys):
    def trial(values, share, report):
        found = values["x"]
        if found == 1:
            raise TrialStopped("diverged: loss nan after epoch 2")
        if found == 2:
            return {"score": float("nan")}
        if found == 3:
            raise ValueError("`--batch-size` is too large")
        return {"score": -float("inf")} if found == 4 else {"score": found, "kept": 0.5}

    records = search(trial, Plan({"x": Choice(tuple(range(1, 7)))}, 6), directory=tmp_path)
    assert [record.values["x"] for record in records[:2]] == [6, 5] and records[0].figures == {"kept": 0.5}
    assert {record.values["x"]: record.reason for record in records[2:]} == {
        1: "diverged: loss nan after epoch 2", 2: "its score is nan", 3: "ValueError: `--batch-size` is too large",
        4: "its score is -inf",
    }  # fmt: skip
    assert "failed: its score is nan" in capsys.readouterr().out
    with open(tmp_path / "leaderboard.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["x"] == "6" and rows[0]["kept"] == "0.5" and rows[0]["score"] == "6.0"
    assert sorted(row["status"] for row in rows[2:])[0] == "failed: ValueError: `--batch-size` is too large"
    assert "| 6 |" in (tmp_path / "leaderboard.md").read_text().replace("6.0", "6")


@pytest.mark.parametrize("tuner", ["random", "optuna"])
def test_a_space_with_fewer_combinations_ends_early(tuner, tmp_path):
    records = search(
        lambda values, share, report: {"score": 0}, Plan({"x": Choice((1, 2))}, 9, tuner), directory=tmp_path
    )
    assert sorted(record.values["x"] for record in records) == [1, 2]


@pytest.mark.parametrize("tuner", ["hyperband", "optuna"])
def test_when_all_fail_nothing_is_best(tuner, tmp_path):
    def trial(values, share, report):
        raise TrialStopped("collapsed")

    records = search(trial, plan_of(tuner, 15), directory=tmp_path)
    assert len(records) == 15 and best_of(records) is None


@pytest.mark.parametrize("tuner", ["random", "optuna"])
def test_another_plan_is_refused_before_anything_is_written(tuner, tmp_path):
    search(score_of, plan_of(tuner, 2), directory=tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match="seed was 0 and is 1"):
        search(score_of, dataclasses.replace(plan_of(tuner, 2), seed=1), directory=tmp_path, resume=True)
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


@pytest.mark.parametrize("tuner", ["random", "optuna"])
def test_two_processes_do_not_search_one_folder(tuner, tmp_path):
    first = start(tmp_path, tuner, 3, 60)
    try:
        while not (tmp_path / "trials").exists():
            assert first.poll() is None, first.stdout.read()
            time.sleep(0.1)
        with pytest.raises(ValueError, match="one process at a time"):
            search(score_of, plan_of(tuner, 3), directory=tmp_path, resume=True)
    finally:
        first.kill()
        first.communicate()
    assert len(search(score_of, plan_of(tuner, 3), directory=tmp_path, resume=True)) == 3


@pytest.mark.parametrize("tuner", ["random", "optuna"])
def test_a_full_disk_ends_the_search_and_nothing_is_lost(tuner, undisturbed, tmp_path):
    def trial(values, share, report):
        if len(list((tmp_path / "trials").iterdir())) == 4:
            raise OSError(28, "No space left on device")
        return score_of(values, share, report)

    with pytest.raises(OSError, match="No space left"):
        search(trial, plan_of(tuner, 20), directory=tmp_path)
    records = search(score_of, plan_of(tuner, 20), directory=tmp_path, resume=True)
    assert values_of(records) == values_of(undisturbed[tuner])


@pytest.mark.parametrize("tuner", ["random", "optuna"])
def test_a_trial_leaves_a_few_kilobytes(tuner, tmp_path):
    search(score_of, plan_of(tuner, 20), directory=tmp_path)
    size = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert size / 20 < 8000
