"""A search for settings, on KerasTuner or Optuna: the space, the trials, the leaderboard.

Names resolve on first use: KerasTuner takes seconds to import, and a recipe that declares a space needs none of it.
"""

from tlkeras._lazy import lazily

_HOMES = {
    "COMMAND": "request",
    "Choice": "space",
    "Float": "space",
    "Int": "space",
    "MemoryGrown": "one_trial",
    "Plan": "plan",
    "Record": "record",
    "Request": "request",
    "StopTrial": "stop_trial",
    "TrialStopped": "stop_trial",
    "best_of": "record",
    "join": "worker",
    "lead": "chief",
    "parse": "spec",
    "search": "searching",
    "tune": "tuner",
}

__all__ = [*_HOMES]  # noqa: F822

__getattr__, __dir__ = lazily(__name__, _HOMES)
