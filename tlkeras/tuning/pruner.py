"""What ends a trial that lags behind the others."""

import statistics

import optuna
from optuna.trial import TrialState

from tlkeras.tuning.optuna_space import in_memory

STARTUP = 5  # whole trials before one is stopped: Optuna's own


class Pruner:
    """Says whether a trial lags behind: the best that it reported is below the median of the others at its epoch.

    The others are those that had the whole training. No trial is stopped before there are five of them, nor in the
    first quarter of the epochs, in which a head may not have learnt yet.

    Args:
        plan: `Plan`.
        ended: The trials so far, as `optuna.trial.FrozenTrial`.

    Attributes:
        verdict: Why the trial is to be stopped, in words; empty where it is not.
    """

    def __init__(self, plan, ended):
        self.verdict = ""
        self.others = [trial for trial in ended if trial.state == TrialState.COMPLETE]
        self.study = in_memory(plan, self.others)
        self.rule = optuna.pruners.MedianPruner(STARTUP, n_warmup_steps=max(1, plan.epochs // 4))

    def __call__(self, curve):
        """Returns the verdict on what a trial reported so far, `{epoch: score}`.

        Args:
            curve: Epochs from 0, in their order.
        """
        running = optuna.trial.create_trial(state=TrialState.RUNNING, intermediate_values=dict(curve))
        if self.rule.prune(self.study, running):
            epoch = max(curve)
            curves = (other.intermediate_values for other in self.others)
            median = statistics.median(other[epoch] for other in curves if epoch in other)
            best = max(curve.values())
            self.verdict = f"pruned after epoch {epoch + 1}: at best {best:.4g}, where the median is {median:.4g}"
        return self.verdict
