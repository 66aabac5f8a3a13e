import json
import sqlite3
import statistics

import optuna
import pytest
from optuna.trial import TrialState

from tests.tuning.toy import curve_of, plan_of, score_of
from tlkeras.tuning import Choice, Plan, TrialStopped, search
from tlkeras.tuning.front import front_of
from tlkeras.tuning.record import read_all

STATES = {"done": TrialState.COMPLETE, "failed": TrialState.FAIL}


def trials_of(folder, front=False):
    """Returns what Optuna reads from the file: all trials, or its own Pareto front."""
    storage = optuna.storages.RDBStorage(f"sqlite:///{folder / 'optuna.db'}")
    try:
        study = optuna.load_study(study_name=None, storage=storage)
        return study.best_trials if front else study.trials
    finally:
        storage.remove_session()
        storage.engine.dispose()


def never(values, share, report):
    raise AssertionError


def test_optuna_reads_what_was_searched(tmp_path):
    def trial(values, share, report):
        if values["width"] == 2:
            raise TrialStopped("diverged: loss nan after epoch 2")
        return score_of(values, share, report)

    records = sorted(search(trial, plan_of("optuna", 8), directory=tmp_path), key=lambda record: record.trial)
    assert {record.status for record in records} == {"done", "failed"}
    for record, found in zip(records, trials_of(tmp_path), strict=True):
        assert (found.number, found.params, found.value) == (record.trial, record.values, record.score)
        assert found.state == STATES[record.status] and found.user_attrs.get("reason", "") == record.reason


def test_what_lags_behind_is_pruned_and_optuna_told(tmp_path):
    records = search(curve_of, plan_of("optuna", 16), directory=tmp_path)
    found = {trial.number: trial for trial in trials_of(tmp_path)}
    whole = []
    for record in sorted(records, key=lambda record: record.trial):
        height = score_of(record.values, 1, None)["score"]
        pruned = len(whole) >= 5 and height < statistics.median(whole)
        assert (record.status == "failed") == pruned
        if pruned:  # after the first epoch beyond a quarter of nine
            assert record.reason.startswith(f"pruned after epoch 3: at best {height + 2:.4g}, where the median is ")
            assert found[record.trial].state == TrialState.PRUNED and list(record.curve) == [0, 1, 2]
            assert found[record.trial].value == record.curve[2]
        else:
            whole.append(height)
            assert found[record.trial].intermediate_values == record.curve and len(record.curve) == 9
    assert 5 <= len(whole) < 16


@pytest.mark.parametrize("tuner", ["random", "hyperband"])
def test_other_tuners_prune_nothing_and_keep_the_curve(tuner, tmp_path):
    records = search(curve_of, plan_of(tuner, 10), directory=tmp_path)
    assert {record.status for record in records} == {"done"} and all(len(record.curve) == 9 for record in records)


def test_a_pruned_search_goes_on_as_an_undisturbed_one(tmp_path):
    whole = search(curve_of, plan_of("optuna", 14), directory=tmp_path / "whole")

    def trial(values, share, report):
        def told(epoch, score):
            if epoch == 2 and len(list((tmp_path / "cut" / "trials").iterdir())) == stop:
                raise KeyboardInterrupt
            report(epoch, score)

        return curve_of(values, share, told)

    for stop in range(1, 14, 3):
        with pytest.raises(KeyboardInterrupt):
            search(trial, plan_of("optuna", 14), directory=tmp_path / "cut", resume=stop > 1)
        assert [r.trial for r in read_all(tmp_path / "cut") if r.status == "running"] == [stop - 1]
    records = search(curve_of, plan_of("optuna", 14), directory=tmp_path / "cut", resume=True)
    assert [(r.trial, r.values, r.score, r.reason) for r in records] == [
        (r.trial, r.values, r.score, r.reason) for r in whole
    ]  # fmt: skip


def test_a_trial_that_ended_before_optuna_was_told_is_not_run_again(tmp_path):
    search(score_of, plan_of("optuna", 3), directory=tmp_path)
    with sqlite3.connect(tmp_path / "optuna.db") as database:
        for table in ("trial_params", "trial_values", "trials"):
            database.execute(f"delete from {table} where trial_id = 3")
    database.close()
    assert len(trials_of(tmp_path)) == 2
    before = (tmp_path / "trials" / "0002.json").read_text()
    search(never, plan_of("optuna", 3), directory=tmp_path, resume=True)
    assert (tmp_path / "trials" / "0002.json").read_text() == before and len(trials_of(tmp_path)) == 3


def test_a_study_that_cannot_be_read_ends_the_search(tmp_path):
    search(score_of, plan_of("optuna", 2), directory=tmp_path)
    (tmp_path / "optuna.db").write_bytes(b"no database" * 100)
    with pytest.raises(OSError, match=r"optuna.db cannot be read or written: .*not a database"):
        search(never, plan_of("optuna", 3), directory=tmp_path, resume=True)
    assert len(read_all(tmp_path)) == 2


@pytest.mark.parametrize("cost", [{}, {"bytes": float("nan")}])
def test_a_trial_without_its_cost_fails(cost, tmp_path):
    plan = Plan({"x": Choice((1, 2))}, 2, "optuna", against="bytes")
    records = search(lambda values, share, report: {"score": 1.0, **cost}, plan, directory=tmp_path)
    assert [record.reason for record in records] == ["it returned no finite bytes"] * 2


def test_two_objectives_are_searched_and_nothing_is_pruned(tmp_path):
    def trial(values, share, report):
        return {**curve_of(values, share, report), "bytes": 10 * values["width"]}

    plan = plan_of("optuna", 13, against="bytes")
    records = search(trial, plan, directory=tmp_path)
    assert {record.status for record in records} == {"done"}
    assert [trial.values for trial in trials_of(tmp_path)] == [
        [record.score, record.figures["bytes"]] for record in sorted(records, key=lambda record: record.trial)
    ]  # fmt: skip
    front = {trial.number for trial in trials_of(tmp_path, front=True)}
    assert {record.trial for record in front_of(records, "bytes")} == front and 1 < len(front) < 13
    with pytest.raises(ValueError, match="against was bytes and is empty"):
        search(trial, plan_of("optuna", 13), directory=tmp_path, resume=True)
    assert json.loads((tmp_path / "plan.json").read_text())["against"] == "bytes"


def test_a_folder_may_have_any_name(tmp_path):
    folder = tmp_path / "100% {of} it?"
    assert len(search(score_of, plan_of("optuna", 1), directory=folder)) == 1 and (folder / "optuna.db").exists()
