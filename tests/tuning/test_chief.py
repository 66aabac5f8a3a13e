import json
import signal
import socket
import subprocess
import time
from types import SimpleNamespace

import pytest

from tests.tuning.toy import plan_of, score_of, start
from tlkeras.tuning import lead, search
from tlkeras.tuning.chief import _Chief
from tlkeras.tuning.oracles import oracle_of
from tlkeras.tuning.record import read_all
from tlkeras.tuning.servicer import Servicer


def found_in(folder):
    return {record.trial: (record.values, record.status, record.score) for record in read_all(folder)}


def worker_of(folder, trials, seconds, tuner="random", **variables):
    """Returns what starts a worker, and the processes that it started."""
    started = []

    def begin(address, name):
        command = (folder, tuner, trials, seconds, "--chief", address)
        started.append(start(*command, output=folder / f"{name}.txt", KERASTUNER_TUNER_ID=name, **variables))
        return started[-1]

    return begin, started


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    search(score_of, plan_of("random", 8), directory=folder)
    return found_in(folder)


@pytest.mark.slow
def test_two_workers_of_which_one_is_killed_train_the_trials_of_one_process(undisturbed, tmp_path, capsys):
    begin, started = worker_of(tmp_path, 8, 0.5)
    killers = []

    def begin_and_kill(address, name):
        if len(started) == 2:
            assert started[0].poll() == -signal.SIGKILL
        process = begin(address, name)
        if len(started) == 1:
            killers.append(subprocess.Popen(["sh", "-c", WAIT_AND_KILL.format(folder=tmp_path, pid=process.pid)]))
        return process

    records = lead(plan_of("random", 8), begin_and_kill, directory=tmp_path, workers=2)
    assert found_in(tmp_path) == undisturbed and len(records) == 8
    assert len(started) == 3 and [path.name for path in (tmp_path / "workers").iterdir()] == ["port"]
    assert killers[0].wait() == 0
    said = capsys.readouterr().out
    assert "listening on 127.0.0.1:" in said and said.count("worker1 is lost") == 1
    assert (tmp_path / "leaderboard.csv").exists()


WAIT_AND_KILL = "while [ ! -e {folder}/trials/0003.json ]; do sleep 0.05; done; kill -9 {pid}"


@pytest.mark.slow
def test_a_trial_that_kills_its_workers_is_recorded_as_failed(tmp_path):
    begin, started = worker_of(tmp_path, 3, 0, TOY_KILLS="5")  # trial 0 has width 5
    lead(plan_of("random", 3), begin, directory=tmp_path, workers=1)
    found = found_in(tmp_path)
    assert [found[trial][1] for trial in range(3)] == ["failed", "done", "done"]
    assert [r.reason for r in read_all(tmp_path) if r.trial == 0] == ["it cost 3 workers"] and len(started) == 4


@pytest.mark.slow
def test_an_error_of_a_worker_ends_the_search_and_nothing_is_lost(undisturbed, tmp_path):
    begin, started = worker_of(tmp_path, 8, 0, TOY_FULL="5")
    with pytest.raises(ValueError, match="a worker could not go on.*worker1 ended with 1"):
        lead(plan_of("random", 8), begin, directory=tmp_path, workers=1)
    assert "No space left on device" in (tmp_path / "worker1.txt").read_text()
    search(score_of, plan_of("random", 8), directory=tmp_path, resume=True)
    assert found_in(tmp_path) == undisturbed


@pytest.mark.exhaustive
def test_a_killed_chief_takes_its_workers_along_and_is_resumed(undisturbed, tmp_path):
    chief = start(tmp_path, "random", 8, 0.3, "--workers", 2)
    while not (tmp_path / "trials" / "0003.json").exists():
        assert chief.poll() is None, chief.communicate()
        time.sleep(0.05)
    chief.kill()
    chief.communicate()
    assert len(list((tmp_path / "workers").iterdir())) == 4
    again = start(tmp_path, "random", 8, 0.3, "--workers", 2)
    said = again.communicate()[0]
    assert again.returncode == 0, said
    assert found_in(tmp_path) == undisturbed
    time.sleep(3)  # two beats, in which a worker of the first chief notices the second
    assert [path.name for path in (tmp_path / "workers").iterdir()] == ["port"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("tuner", ["bayesian", "hyperband"])
def test_other_tuners_end_with_every_trial_accounted_for(tuner, tmp_path):
    begin, started = worker_of(tmp_path, 12, 0.1, tuner)
    records = lead(plan_of(tuner, 12), begin, directory=tmp_path, workers=2)
    assert sorted(record.trial for record in records) == list(range(12))
    assert {record.status for record in records} == {"done"} and len(started) == 2


def test_a_trial_that_is_given_back_is_the_next_and_ends_once(tmp_path):
    oracle = oracle_of(plan_of("random", 3), tmp_path)
    first, second = oracle.create_trial("a"), oracle.create_trial("b")
    oracle.give_back("a")
    oracle.give_back("a")
    assert oracle.queued and oracle.tuner_ids == {"b"}
    again = oracle.create_trial("b2")
    assert again.trial_id == first.trial_id and again.hyperparameters.values == first.hyperparameters.values
    oracle.update_trial(first.trial_id, {"score": 1.0})
    again.status = "COMPLETED"
    oracle.end_trial(again)
    oracle.end_trial(again)  # by the worker that was taken for lost
    assert oracle.end_order == [first.trial_id]
    oracle.give_back("b")
    oracle.update_trial(second.trial_id, {"score": 2.0})
    second.status = "COMPLETED"
    oracle.end_trial(second)  # before anyone ran it again
    assert not oracle.queued and not oracle.ongoing_trials
    state = json.loads((tmp_path / "tuner" / "oracle.json").read_text())
    assert [trial["status"] for trial in state["trials"]] == ["COMPLETED", "COMPLETED"]


def test_the_trial_that_cost_too_many_workers_is_ended_whether_it_has_a_record_or_not(tmp_path, capsys):
    plan = plan_of("random", 3)
    chief = _Chief(oracle_of(plan, tmp_path), plan, tmp_path)
    for name in ("a", "b", "c"):
        assert chief.oracle.create_trial(name).trial_id == "0"
        chief._forget(name, killed=True)
    assert not chief.oracle.queued and chief.oracle.end_order == ["0"]
    assert [(r.trial, r.status, r.reason) for r in read_all(tmp_path)] == [(0, "failed", "it cost 3 workers")]
    assert capsys.readouterr().out.count("is lost at trial 0") == 3


def test_workers_that_are_killed_before_a_trial_end_the_search_only_where_nothing_ended_meanwhile(tmp_path):
    plan = plan_of("random", 3)
    chief = _Chief(oracle_of(plan, tmp_path), plan, tmp_path)
    for name in ("a", "b"):
        chief._forget(name, killed=True)
    trial = chief.oracle.create_trial("c")
    trial.status = "FAILED"
    chief.oracle.end_trial(trial)
    for name in ("d", "e"):
        chief._forget(name, killed=True)
    with pytest.raises(ValueError, match="workers must come as far as a trial"):
        chief._forget("f", killed=True)


def test_an_exception_in_an_answer_is_kept_and_leaves_the_lock(tmp_path):
    failures = []
    oracle = oracle_of(plan_of("random", 3), tmp_path)
    with pytest.raises(KeyError):
        Servicer(oracle, failures).UpdateTrial(SimpleNamespace(trial_id="7", metrics={"score": 1.0}, step=0), None)
    assert [type(failure) for failure in failures] == [KeyError]
    oracle.give_back("nobody")


def test_a_search_that_ended_needs_no_workers(tmp_path):
    search(score_of, plan_of("random", 2), directory=tmp_path)
    assert len(lead(plan_of("random", 2), None, directory=tmp_path, resume=True, workers=0)) == 2


def test_others_are_told_the_name_of_the_machine(tmp_path):
    servicer = Servicer(oracle_of(plan_of("random", 2), tmp_path), [])
    with servicer.listening("0.0.0.0:0") as (own, told):
        assert own.startswith("127.0.0.1:") and told == f"{socket.gethostname()}:{own[10:]}"


@pytest.mark.parametrize("address", ["localhost", ":7000", "localhost:http"])
def test_an_address_that_is_none_is_refused(tmp_path, address):
    with pytest.raises(ValueError, match="`listen` must be HOST:PORT of this machine"):
        lead(plan_of("random", 2), None, directory=tmp_path, listen=address)


def test_an_address_that_is_taken_is_refused(tmp_path):
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ValueError, match=f"`listen` must be HOST:PORT .* Received: '{address}'"):
            lead(plan_of("random", 3), None, directory=tmp_path, listen=address)
