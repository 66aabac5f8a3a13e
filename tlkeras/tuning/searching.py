"""A search for the values that score best, which survives being stopped."""

import contextlib
import gc
from pathlib import Path

from filelock import FileLock, Timeout

from tlkeras.report import write_json
from tlkeras.tuning import hparams, leaderboard
from tlkeras.tuning.oracles import oracle_of
from tlkeras.tuning.runner import Runner


def search(trial, plan, *, directory, resume=False, most_memory=None) -> list:
    """Trains one model after another with values from a space, and returns the record of each, the best first.

    What a trial leaves is its record, some hundred bytes: a model is trained again from its values. A trial that
    raises, or whose score is not finite, is recorded as failed, with the reason, and the search goes on. Killed at any
    moment, it is resumed: what had ended stays, what was running runs again with the same values, and those after it
    are the ones of an undisturbed search.

    Args:
        trial: Function of `values`, `{name: value}`; of `share`, the part of a whole training in (0, 1] (less than 1
            only with the tuner `hyperband`); and of `report`. It trains one model and returns `{"score": float, ...}`
            with whatever else belongs in the table. It may raise `TrialStopped` with a reason, and so does
            `report(epoch, score)`, to be called after every epoch (from 0) with the score so far, where the tuner
            `optuna` finds that it lags behind. An `OSError` ends the search.
        plan: `Plan`: the space, the tuner, how many trials, and what else makes this search this one.
        directory: Folder of the search: `leaderboard.csv`, `leaderboard.md`, `trials/`, `plan.json`.
        resume: Whether to go on with the search that is there.
        most_memory: MB that the process may grow by, or None. TensorFlow keeps what it has compiled: 10 to 40 MB for
            each model, which no process gives back before it ends.

    Returns:
        List of `Record`. It is shorter than `plan.trials` where the space holds no more combinations.

    Raises:
        ValueError: If the folder holds a search and `resume` is False, or holds none and it is True; if it was started
            with another plan (the difference is said), or another process is at it.
        OSError: If the disk is full; nothing that ended is lost.
        tlkeras.tuning.MemoryGrown: If the process has grown by more; the search is then resumed in another.

    Example:
        >>> from tlkeras.tuning import Choice, Plan
        >>> plan = Plan({"x": Choice((1, 2, 3))}, trials=3)
        >>> records = search(lambda values, share, report: {"score": -abs(values["x"] - 2)}, plan, directory="found")
        trial 0 of 3: x=...
        >>> records[0].values
        {'x': 2}

    Reference:
        Li, Jamieson, DeSalvo, Rostamizadeh, Talwalkar: Hyperband: A Novel Bandit-Based Approach to Hyperparameter
        Optimization, 2018, https://jmlr.org/papers/v18/16-558.html
    """
    if plan.tuner == "optuna":
        from tlkeras.tuning import optuna_study  # an extra, not installed everywhere

        with locked(plan, directory, resume), frozen_garbage():
            optuna_study.run(trial, plan, Path(directory), most_memory=most_memory)
    else:
        with begun(plan, directory, resume) as oracle:
            run(Runner(oracle, trial, plan, directory, most_memory=most_memory))
    return leaderboard.write(Path(directory), plan)


@contextlib.contextmanager
def begun(plan, directory, resume):
    """Yields KerasTuner's oracle of a search that this process alone is at; as `locked`."""
    if plan.tuner == "optuna":
        raise ValueError(f"`tuner` must be one of KerasTuner's to have workers. Received: tuner={plan.tuner!r}")
    with locked(plan, directory, resume):
        yield oracle_of(plan, directory)


@contextlib.contextmanager
def locked(plan, directory, resume):
    """Keeps every other process from a search, whose plan is written.

    Args:
        plan: `Plan`.
        directory: Folder of the search.
        resume: Whether to go on with the search that is there.

    Raises:
        ValueError: If the folder does not hold what it should, or another process is at it.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    lock = FileLock(directory / "search.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ValueError(
            f"`directory` must be searched by one process at a time, and another is at it. Received: {directory}"
        ) from None
    try:
        plan.refuse(directory, resume)
        write_json(directory / "plan.json", plan.as_json())
        hparams.write_space(directory, plan)
        yield
    finally:
        lock.release()


def run(runner):
    """Runs trials until the oracle has no more.

    Args:
        runner: `Runner`.
    """
    with frozen_garbage():
        runner.search()


@contextlib.contextmanager
def frozen_garbage():
    """Leaves to the garbage collector what is new: a pass over TensorFlow takes it a quarter second, twice a trial."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
