"""KerasTuner's oracles, which say what to try next, with a state that survives being killed at any moment."""

import json
import pathlib

import keras_tuner
import numpy as np
from keras_tuner.engine.trial import Trial

from tlkeras.report import write_json
from tlkeras.tuning.space import Choice, Float

PROJECT = "tuner"  # folder of the state


class _Kept(keras_tuner.Oracle):
    """Keeps its state and all trials in one file that is replaced in one move.

    KerasTuner 1.4.8 writes a file for each trial and one for the oracle, in place: a process that is killed between or
    within them leaves a trial that nobody runs again, or a file that cannot be read.
    """

    def save(self):
        write_json(self._path, {**self.get_state(), "trials": [trial.get_state() for trial in self.trials.values()]})

    def reload(self):
        """Takes up the state; trials that were running are the next to run."""
        state = json.loads(self._path.read_text(encoding="utf-8"))
        self.trials = {found["trial_id"]: Trial.from_state(found) for found in state["trials"]}
        self.set_state(state)
        # KerasTuner saves the end of a trial before it forgets who ran it.
        ongoing = [trial.trial_id for trial in self.ongoing_trials.values()]
        self._retry_queue += [trial for trial in ongoing if trial not in self.end_order]
        self.ongoing_trials = {}

    @property
    def is_saved(self):
        return self._path.exists()

    @property
    def _path(self):
        return pathlib.Path(self._get_oracle_fname())

    @keras_tuner.synchronized
    def give_back(self, worker, retry=True):
        """Takes its trial, if it had one, from a worker that is no more.

        Args:
            worker: Its name.
            retry: Whether the next that asks is to run the trial; it is to be ended otherwise.
        """
        self.tuner_ids.discard(worker)
        trial = self.ongoing_trials.pop(worker, None)
        if trial and retry:
            self._retry_queue.append(trial.trial_id)
            self.save()

    @keras_tuner.synchronized
    def end_trial(self, trial):
        """Ends a trial; a worker that was taken for lost may end it a second time, or before anyone ran it again."""
        if trial.trial_id in self.end_order:
            return
        if trial.trial_id in self._retry_queue:
            self._retry_queue.remove(trial.trial_id)
        super().end_trial(trial)

    @property
    def queued(self) -> bool:
        """Whether trials are to be run again."""
        return bool(self._retry_queue)

    def _save_trial(self, trial):
        """Does nothing: `save`, which follows, writes all of them."""


class _Random(_Kept, keras_tuner.oracles.RandomSearchOracle):
    pass


class _Bayesian(_Kept, keras_tuner.oracles.BayesianOptimizationOracle):
    def populate_space(self, trial_id):
        """Draws the restarts of the optimization by the number of the trial: KerasTuner forgets the draws of a kill."""
        self._random_state = np.random.RandomState(self.seed + len(self.trials))
        return super().populate_space(trial_id)


class _Hyperband(_Kept, keras_tuner.oracles.HyperbandOracle):
    pass


def oracle_of(plan, directory):
    """Returns the oracle of a `Plan`, as far as it has come.

    A failed trial is not tried again, and however many fail in a row the search goes on.

    Args:
        plan: `Plan`.
        directory: Folder of the search.
    """
    common = {
        "objective": keras_tuner.Objective("score", "max"),
        "hyperparameters": _hyperparameters(plan.space),
        "seed": 1 + 1000 * plan.seed,  # 0 would be drawn at random; trial i draws with the seeds from seed + i on
        "max_consecutive_failed_trials": 1 + plan.trials,
    }
    if plan.tuner == "hyperband":
        # As many iterations as it takes: the number of trials is what ends the search.
        oracle = _Hyperband(max_epochs=plan.epochs, hyperband_iterations=plan.trials, **common)
        oracle.max_trials = plan.trials
    else:
        oracle = {"random": _Random, "bayesian": _Bayesian}[plan.tuner](max_trials=plan.trials, **common)
    oracle.verbose = 0
    oracle._set_project_dir(directory, PROJECT)
    if oracle.is_saved:
        oracle.reload()
    return oracle


def _hyperparameters(space):
    found = keras_tuner.HyperParameters()
    for name, dimension in space.items():
        if isinstance(dimension, Choice):
            found.Choice(name, list(dimension.values))
        elif isinstance(dimension, Float):
            sampling = "log" if dimension.log else "linear"
            found.Float(name, float(dimension.low), float(dimension.high), sampling=sampling)
        else:
            found.Int(name, int(dimension.low), int(dimension.high))
    return found
