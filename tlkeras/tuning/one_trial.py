"""What becomes of one trial, whoever proposed it: it is run, recorded, and shown."""

import dataclasses
import math
import os
import time
from pathlib import Path

import keras

from tlkeras.tuning import hparams, leaderboard
from tlkeras.tuning.record import DONE, FAILED, path_of, read
from tlkeras.tuning.stop_trial import TrialStopped


class MemoryGrown(Exception):
    """The process holds more than it may; the search is complete so far, and goes on in another."""


def run_one(trial, record, directory, verdict=None):
    """Trains one model and returns its record; what ended just before the search was killed is not trained again.

    Args:
        trial: Function of `(values, share, report)`; see `tlkeras.tuning.search`.
        record: `Record` of the trial that is to run.
        directory: Folder of the search.
        verdict: Function of what the trial reported so far, `{epoch: score}`, that returns why to stop it, or "".

    Raises:
        OSError: If a file could not be written, or the trial raised it.
    """
    before = read(path_of(directory, record.trial))
    if before and before.status == DONE and (before.values, before.share) == (record.values, record.share):
        return before
    record.write(directory)
    record = _ended(trial, record, verdict)
    record.write(directory)
    return record


def show(record, plan, directory):
    """Writes an ended trial for TensorBoard, and prints how it ended.

    Args:
        record: Its `Record`.
        plan: `Plan`.
        directory: Folder of the search.
    """
    hparams.write_trial(directory, record)
    leaderboard.announce(record, plan, directory)


class Memory:
    """What the process may grow by.

    Args:
        most: MB, or None for no limit.
    """

    def __init__(self, most):
        self.most, self.start = most, resident()

    def check(self):
        """Raises `MemoryGrown` where it has grown by more."""
        grown = resident() - self.start
        if self.most is not None and grown > self.most:
            raise MemoryGrown(f"the process has grown by {grown:.0f} MB")


def resident() -> float:
    """Returns the MB of memory that the process holds; 0 where the system does not tell in `/proc`."""
    path = Path("/proc/self/statm")
    return int(path.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6 if path.exists() else 0.0


def _ended(trial, record, verdict):
    start, score, figures, reason, curve = time.perf_counter(), None, {}, "", {}

    def report(epoch, score):
        if math.isfinite(score):
            curve[int(epoch)] = float(score)
            stopped = verdict and verdict(curve)
            if stopped:
                raise TrialStopped(stopped)

    try:
        figures = dict(trial(record.values, record.share, report))
        score = float(figures.pop("score"))
        if not math.isfinite(score):
            raise TrialStopped(f"its score is {score}")
    except OSError:
        raise
    except TrialStopped as stopped:
        score, reason = None, str(stopped) or "stopped"
    except Exception as error:  # whatever does not fit these values: the others are tried nevertheless
        score, reason = None, f"{type(error).__name__}: {error}"
    finally:
        keras.backend.clear_session()  # with the garbage collector, or memory grows from trial to trial
    return dataclasses.replace(
        record, status=FAILED if reason else DONE, score=score, figures=figures, reason=reason, curve=curve,
        seconds=round(time.perf_counter() - start, 3),
    )  # fmt: skip
