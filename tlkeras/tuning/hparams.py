"""The trials for TensorBoard's HParams page."""

from pathlib import Path

import tensorflow as tf
from tensorboard.plugins.hparams import api

from tlkeras.tuning.record import DONE
from tlkeras.tuning.space import Choice, Float


def write_space(directory, plan):
    """Writes what is searched, and what is measured.

    Args:
        directory: Folder of the search; TensorBoard reads its `logs`.
        plan: `Plan`.
    """
    names = [api.HParam(name, _domain(dimension)) for name, dimension in plan.space.items()]
    with tf.summary.create_file_writer(str(Path(directory) / "logs")).as_default():
        api.hparams_config(hparams=names, metrics=[api.Metric("score", display_name=plan.objective)])


def write_trial(directory, record):
    """Writes the values of a trial, and its score and other figures where it has them.

    Args:
        directory: Folder of the search.
        record: `Record` of the trial.
    """
    name = f"trial_{record.trial:04d}"
    with tf.summary.create_file_writer(str(Path(directory) / "logs" / name)).as_default():
        api.hparams(record.values, trial_id=name)
        found = {"score": record.score, **record.figures} if record.status == DONE else {}
        for key, value in found.items():
            if isinstance(value, int | float):
                tf.summary.scalar(key, value, step=0)


def _domain(dimension):
    if isinstance(dimension, Choice):
        return api.Discrete(list(dimension.values))
    return (api.RealInterval if isinstance(dimension, Float) else api.IntInterval)(dimension.low, dimension.high)
