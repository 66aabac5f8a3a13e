"""A search by Optuna, whose study in SQLite a kill leaves whole."""

import contextlib
import math
import sqlite3

import optuna
from optuna.trial import TrialState
from sqlalchemy.exc import SQLAlchemyError

from tlkeras.export.atomic import replacing_file
from tlkeras.tuning.one_trial import Memory, run_one, show
from tlkeras.tuning.optuna_space import directions, distributions, propose, quiet
from tlkeras.tuning.pruner import Pruner
from tlkeras.tuning.record import DONE, Record
from tlkeras.tuning.stop_trial import TrialStopped

NAME = "tlkeras"


def run(trial, plan, directory, *, most_memory=None):
    """Runs trials until there are as many as planned, or all values of the space have been tried.

    `optuna.db` holds what ended, each trial in one transaction; Optuna's dashboard reads it. With `plan.against` there
    are two objectives, and no trial is stopped early: Optuna stops those of one objective only.

    Args:
        trial: Function of `(values, share, report)`; see `tlkeras.tuning.search`.
        plan: `Plan`.
        directory: `pathlib.Path` of the search.
        most_memory: MB that the process may grow by, or None.

    Raises:
        OSError: If a file cannot be written or read.
        tlkeras.tuning.MemoryGrown: If the process has grown by more.

    Reference:
        Akiba, Sano, Yanase, Ohta, Koyama: Optuna: A Next-generation Hyperparameter Optimization Framework, 2019,
        https://arxiv.org/abs/1907.10902
    """
    memory = Memory(most_memory)
    with _opened(directory / "optuna.db", plan) as study:
        while True:
            ended = study.get_trials(deepcopy=False)
            values = propose(plan, ended) if len(ended) < plan.trials else None
            if values is None:
                return
            pruner = None if plan.against else Pruner(plan, ended)
            record = run_one(_costed(trial, plan.against), Record(len(ended), values), directory, pruner)
            study.add_trial(_as_trial(record, plan, pruned=bool(pruner and pruner.verdict)))
            show(record, plan, directory)
            memory.check()


@contextlib.contextmanager
def _opened(path, plan):
    """Yields the study of a file, which is made where it is not there, whole or not at all."""
    try:
        if not path.exists():
            with replacing_file(path) as temporary, _storage(temporary) as storage:
                optuna.create_study(storage=storage, study_name=NAME, directions=directions(plan))
        with _storage(path) as storage:
            yield optuna.load_study(storage=storage, study_name=NAME)
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise OSError(f"{path} cannot be read or written: {error.__cause__ or error}") from error


@contextlib.contextmanager
def _storage(path):
    """Yields Optuna's storage in a file; the connection is made here, for a URL cannot name every path."""
    with quiet():
        storage = optuna.storages.RDBStorage("sqlite://", {"creator": lambda: sqlite3.connect(path)})
        try:
            yield storage
        finally:
            storage.remove_session()
            storage.engine.dispose()


def _costed(trial, against):
    """Returns the trial, which fails where it does not tell its cost."""

    def costed(values, share, report):
        found = trial(values, share, report)
        if against and not math.isfinite(found.get(against, math.nan)):
            raise TrialStopped(f"it returned no finite {against}")
        return found

    return costed


def _as_trial(record, plan, *, pruned):
    """Returns an ended trial in Optuna's words: a pruned one has the last score that it reported."""
    state, values = TrialState.FAIL, None
    if record.status == DONE:
        state, values = TrialState.COMPLETE, [record.score]
        values += [float(record.figures[plan.against])] if plan.against else []
    elif pruned:
        state, values = TrialState.PRUNED, [list(record.curve.values())[-1]]
    return optuna.trial.create_trial(
        state=state, values=values, params=record.values, distributions=distributions(plan),
        intermediate_values=record.curve, user_attrs={"reason": record.reason} if record.reason else {},
    )  # fmt: skip
