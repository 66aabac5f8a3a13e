"""What runs the trials that an oracle proposes, one after another, and records what becomes of them."""

import time
from pathlib import Path

from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import TrialStatus
from keras_tuner.errors import FailedTrialError

from tlkeras.tuning.one_trial import Memory, run_one, show
from tlkeras.tuning.oracles import PROJECT
from tlkeras.tuning.record import FAILED, Record, path_of, read

PAUSE = 0.1  # seconds


class Runner(BaseTuner):
    """KerasTuner's loop around one function.

    Args:
        oracle: What `oracle_of` returned.
        trial: Function of `(values, share, report)`; see `tlkeras.tuning.search`.
        plan: `Plan`.
        directory: Folder of the search.
        most_memory: MB that the process may grow by, or None.
    """

    def __init__(self, oracle, trial, plan, directory, *, most_memory=None):
        super().__init__(oracle, directory=directory, project_name=PROJECT)
        self.trial = trial
        self.plan = plan
        self.folder = Path(directory)
        self.memory = Memory(most_memory)

    def run_trial(self, trial):
        """Trains one model and returns its score.

        Raises:
            FailedTrialError: If it came to none; the record says why.
            OSError: If a file could not be written, or the trial raised it.
        """
        record = run_one(self.trial, record_of(trial, self.plan), self.folder)
        if record.status == FAILED:
            raise FailedTrialError(record.reason)
        return {"score": record.score}

    def _try_run_and_update_trial(self, trial, *args, **kwargs):
        """Runs a trial; KerasTuner's own prints a traceback for one that failed, and passes over a full disk."""
        try:
            self.oracle.update_trial(trial.trial_id, self.run_trial(trial))
            trial.status = TrialStatus.COMPLETED
        except FailedTrialError as error:
            trial.status, trial.message = TrialStatus.FAILED, str(error)

    def pre_create_trial(self):
        """Waits a little where a chief is asked: KerasTuner asks again at once while it waits for results."""
        if self._is_worker():
            time.sleep(PAUSE)

    def on_trial_end(self, trial):
        """Keeps the state, and says how the trial ended."""
        super().on_trial_end(trial)
        show(read(path_of(self.folder, int(trial.trial_id))), self.plan, self.folder)
        self.memory.check()

    def save(self):
        """Keeps the state of the oracle; the loop itself has none."""
        if not self._is_worker():
            self.oracle.save()


def record_of(trial, plan) -> Record:
    """Returns the record of KerasTuner's trial, before it runs."""
    given = trial.hyperparameters.values
    share = given.get("tuner/epochs", plan.epochs) / plan.epochs
    return Record(int(trial.trial_id), {name: given[name] for name in plan.space}, share=share)
