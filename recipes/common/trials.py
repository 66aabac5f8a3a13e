"""The trials of a search: models that are trained and scored, with nothing exported and nothing kept."""

import math

import keras
import numpy as np
from threadpoolctl import threadpool_limits

from recipes.common import costs
from recipes.common.adaptation import by_domain, compiled
from recipes.common.held_out import SHARE, divided
from tlkeras import data, surgery, validators
from tlkeras.data import stratified_split
from tlkeras.tuning import StopTrial
from tlkeras.validators.scores import BY_ANSWERS

UNDECIDED = 0.25  # of the epochs, in which few predicted classes may as well be a head that has not learnt yet
SETTLED = 200  # steps after which the moving averages of BatchNorm are those of the training: 0.99 ** 200 is 0.13


class TaskTrials:
    """Trains models for a task, one call after another, on rows that are read once.

    Args:
        task: `recipes.common.task.Task`.
        objective: Name of the validator that scores.
        against: Name of a cost, `"bytes"` or `"latency"`, that each trial is to return; empty for none.

    Raises:
        ValueError: If the objective scores other answers than the task's, or a class of the source is too small to be
            held out of.
    """

    def __init__(self, task, objective, against=""):
        [fitting] = [names for names in BY_ANSWERS.values() if task.problem.validator in names]
        if objective not in fitting:
            raise ValueError(
                f"`objective` must be one of {', '.join(fitting)}: others do not score by {task.problem.measure}. "
                f"Received: {objective!r}"
            )
        self.task, self.objective, self.against, self.costs = task, objective, against, {}
        labels = np.asarray(task.source_labels)
        self.trained, self.held = np.arange(len(labels)), None
        if any(name.startswith("source") for name in validators.needs(objective)):
            self.trained, self.held = self._held_out(labels)

    def __call__(self, flags, seed, report=None):
        """Trains one model.

        Args:
            flags: The flags of this trial.
            seed: Seed of its weights and of its order.
            report: Function of `(epoch, score)` that is told every epoch, and may raise `TrialStopped`; or None.

        Returns:
            `{"score", "epoch"}`, the cost where it is asked for, and where there are labelled rows of the target
            `target_MEASURE_last`, `_selected` (at that epoch) and `_oracle` (the best, by peeking).

        Raises:
            tlkeras.tuning.TrialStopped: If it diverges, collapses, or `report` raises it.
            ValueError: If the flags do not fit the rows or the model.
        """
        flags, problem = flags.smoked(), self.task.problem
        self.task.check(flags)
        way, steps = flags.way(flags.method.split(",")), flags.steps // flags.epochs
        keras.utils.set_random_seed(seed)
        part, (source, target, test) = self.task.part(flags, way)
        labels = np.asarray(self.task.source_labels)
        model = by_domain(part, way)
        held = None if self.held is None else (source[self.held], labels[self.held])
        select = validators.SelectEpoch(target, held, validator=self.objective, prior=problem.prior(labels))
        undecided = max(UNDECIDED * flags.epochs, SETTLED / steps)
        stop = StopTrial(select, patience=min(flags.epochs - 1, math.ceil(undecided)), report=report)
        batches = data.pair(
            (source if held is None else source[self.trained], labels[self.trained]), target, value_range=None,
            batch_size=way.batch_size, seed=seed, steps=steps,
            num_classes=part.output_shape[-1] if problem.classes else None,
        )  # fmt: skip
        trained = compiled(
            model, way, backbone_rate=self.task.backbone_rate, steps_per_execution=steps, problem=problem
        )  # fmt: skip
        with threadpool_limits(1):  # of the scores: beside other work the threads of NumPy take many times as long
            history = trained.fit(
                batches, epochs=flags.epochs, shuffle=False, verbose=0, callbacks=[select, stop],
                validation_data=None if test is None else (test, self.task.test_labels), validation_batch_size=512,
            ).history  # fmt: skip
        paid = {}
        if self.against:
            paid[self.against] = self.cost(flags, way, model if model is part else surgery.strip_domains(model))
        return {"score": select.best_score, "epoch": select.best_epoch + 1, **paid,
                **_figures(history, select, problem)}  # fmt: skip

    def cost(self, flags, way, trained):
        """Returns what the model costs on a device: of what is searched only the bottleneck tells, so once for each."""
        if way.bottleneck not in self.costs:
            whole = self.task.whole(flags, way)
            for layer in trained.layers:  # a bias that is still zero is left out of the file
                if layer.weights:
                    whole.get_layer(layer.name).set_weights(layer.get_weights())
            self.costs[way.bottleneck] = costs.cost(whole, self.against, self.task.value_range)
        return self.costs[way.bottleneck]

    def _held_out(self, labels):
        if self.task.problem.classes:
            return stratified_split(labels, (1 - SHARE, SHARE), class_names=self.task.names)
        return divided(len(labels))


def _figures(history, select, problem):
    series, name = f"val_{problem.measure}", f"target_{problem.measure}"
    if series not in history:
        return {}
    found = history[series]
    last, selected = found[-1], found[select.best_epoch]
    return {f"{name}_last": last, f"{name}_selected": selected, f"{name}_oracle": problem.best(found)}
