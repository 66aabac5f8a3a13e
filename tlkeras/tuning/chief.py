"""The chief of a search, which proposes trials to workers in other processes and outlives them."""

import collections
import dataclasses
import itertools
import time
from pathlib import Path

from keras_tuner.engine.trial import TrialStatus

from tlkeras.tuning import leaderboard
from tlkeras.tuning.beats import PATIENCE, Watch, beating
from tlkeras.tuning.one_trial import show
from tlkeras.tuning.record import FAILED
from tlkeras.tuning.runner import record_of
from tlkeras.tuning.searching import begun
from tlkeras.tuning.servicer import Servicer

WORKERS = "workers"  # folder of the beats
CHIEF, PORT = "chief", "port"  # files in it: the beats of the chief, and where it listens
MOST_LOST = 3  # workers that one trial may cost
PAUSE = 0.2  # seconds between two looks at the workers


def lead(plan, start, *, directory, resume=False, workers=2, listen="127.0.0.1:0"):
    """Runs a search whose trials are trained by other processes, and returns the record of each, the best first.

    Workers ask for a trial, train it and tell its score (`tlkeras.tuning.join`): KerasTuner's chief and workers. The
    trial of a worker that is lost is the next to run, with the same values; one that has cost three workers is recorded
    as failed. The values of a random search are those of a search in one process; other tuners propose by what has
    ended, which varies. Whoever can reach the address can end or forge trials: listen where you trust the network.

    Args:
        plan: `Plan`.
        start: Function of `(address, name)` that starts a worker of that name and returns its `subprocess.Popen`.
        directory: Folder of the search, which all workers share.
        resume: Whether to go on with the search that is there.
        workers: How many to start, and to start again when one is lost; others may join.
        listen: `HOST:PORT` of this machine; port 0 for one that is free.

    Returns:
        List of `Record`.

    Raises:
        ValueError: As `tlkeras.tuning.search`; or if nothing can listen there, or a worker ends by an error, which it
            prints itself.
        OSError: If the disk is full; nothing that ended is lost.
    """
    directory = Path(directory)
    with begun(plan, directory, resume) as oracle:
        chief = _Chief(oracle, plan, directory)
        with chief.servicer.listening(listen) as (own, told), beating(directory / WORKERS / CHIEF):
            (directory / WORKERS / PORT).write_text(own.rpartition(":")[2], encoding="ascii")
            print(f"listening on {told}: others join by --chief {told} --out {directory}", flush=True)
            chief.run(lambda name: start(own, name), workers)
    return leaderboard.write(directory, plan)


class _Chief:
    """What `lead` keeps in mind: who works, who was lost, and what went wrong where nobody could be told."""

    def __init__(self, oracle, plan, directory):
        self.oracle, self.plan, self.directory = oracle, plan, directory
        self.started, self.watches, self.lost, self.failures = {}, {}, collections.Counter(), []
        self.servicer = Servicer(oracle, self.failures)
        self.numbers = itertools.count(1)

    def run(self, start, workers):
        """Returns when all trials have ended."""
        try:
            while not self._ended():
                if self.failures:
                    raise self.failures[0]
                self._look_after_own()
                self._look_after_others()
                while len(self.started) < workers and (self.oracle.queued or not self._all_proposed()):
                    name = f"worker{next(self.numbers)}"
                    self.started[name] = start(name)
                time.sleep(PAUSE)
        finally:
            for name, process in self.started.items():
                process.terminate()
                process.wait()
                self._beats_of(name).unlink(missing_ok=True)

    def _all_proposed(self):
        return self.servicer.stop_triggered or len(self.oracle.trials) >= self.plan.trials

    def _ended(self):
        at_work = self.oracle.ongoing_trials or self.oracle.queued or self.oracle.tuner_ids
        return self._all_proposed() and not at_work

    def _look_after_own(self):
        for name, process in [*self.started.items()]:
            code = process.poll()
            if code is None:
                continue
            del self.started[name]
            self._beats_of(name).unlink(missing_ok=True)
            if code > 0:
                raise ValueError(f"a worker could not go on, and said why above. Received: {name} ended with {code}")
            self._forget(name, killed=code < 0)

    def _look_after_others(self):
        for name in {*self.oracle.tuner_ids} - {*self.started}:
            watch = self.watches.setdefault(name, Watch(self._beats_of(name)))
            if watch.silence() > PATIENCE:
                del self.watches[name]
                self._forget(name, killed=name in self.oracle.ongoing_trials)

    def _forget(self, name, killed):
        """Lets others run the trial of a worker that is no more."""
        trial = self.oracle.ongoing_trials.get(name)
        key = trial.trial_id if trial else f"before trial {len(self.oracle.end_order)}"  # progress forgives
        self.lost[key] += killed
        last = self.lost[key] >= MOST_LOST
        if killed:
            print(f"{name} is lost" + (f" at trial {int(key)}" if trial else ""), flush=True)
        self.oracle.give_back(name, retry=not last)
        if last and trial is None:
            raise ValueError(f"workers must come as far as a trial. Received: {MOST_LOST} that were killed before")
        if last:
            self._fail(trial, f"it cost {MOST_LOST} workers")

    def _beats_of(self, name):
        return self.directory / WORKERS / name

    def _fail(self, trial, reason):
        record = dataclasses.replace(record_of(trial, self.plan), status=FAILED, reason=reason, seconds=0.0)
        record.write(self.directory)
        trial.status, trial.message = TrialStatus.FAILED, reason
        self.oracle.end_trial(trial)
        show(record, self.plan, self.directory)
