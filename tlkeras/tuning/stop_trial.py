"""The callback that ends a trial which cannot become good."""

import keras
import numpy as np


class TrialStopped(Exception):
    """A trial that came to no score; the message is the reason, in words."""


class StopTrial(keras.callbacks.Callback):
    """Raises `TrialStopped` at the end of the epoch in which training diverges, or its predictions stay collapsed.

    A collapse is read from `collapsed` in the logs, as `tlkeras.validators.SelectEpoch` writes it: that callback comes
    before this one. A head that has not learnt yet looks collapsed too, so that it counts from some epoch on only.
    Every other epoch is reported, one that looks collapsed is not: many scores like it best.

    Args:
        select: The `SelectEpoch` callback that comes before, for its words on a collapse; or None.
        patience: Epochs that may be collapsed at the start.
        report: The function that `tlkeras.tuning.search` gives to a trial, which raises `TrialStopped` where the trial
            lags behind; or None. Epochs are counted over all calls of `fit`.
        score: Name in the logs of the score to report; by default what `select` selects by.

    Raises:
        TrialStopped: In `fit`.
        ValueError: If there is a `report` and neither `select` nor `score`.

    Example:
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile(keras.optimizers.SGD(1e30), "mse")
        >>> try:
        ...     _ = model.fit(np.ones((8, 1)), np.ones(8), batch_size=1, epochs=9, verbose=0, callbacks=[StopTrial()])
        ... except TrialStopped as stopped:
        ...     print(stopped)
        diverged: loss nan after epoch 1
    """

    def __init__(self, select=None, *, patience=0, report=None, score=None):
        super().__init__()
        self.select = select
        self.patience = patience
        self.report = report
        self.score = score or getattr(select, "validator", None)
        self.epochs = 0
        if report and not self.score:
            raise ValueError("`report` needs `select` or `score`, the name of what to report. Received: neither")

    def on_epoch_end(self, epoch, logs=None):
        """Looks at the logs, and reports the score that is in them."""
        logs = logs or {}
        infinite = {name: value for name, value in logs.items() if not np.isfinite(value)}
        if infinite:
            name, value = next(iter(infinite.items()))
            raise TrialStopped(f"diverged: {name} {value} after epoch {epoch + 1}")
        if logs.get("collapsed") and epoch >= self.patience:
            raise TrialStopped(f"collapsed after epoch {epoch + 1}{_words(self.select)}")
        self.epochs += 1
        if self.report and not logs.get("collapsed"):
            self.report(self.epochs - 1, logs[self.score])


def _words(select):
    reasons = getattr(select, "best_collapse", ())
    return f": {'; '.join(reasons)}" if reasons else ""
