"""What makes a search this search and no other."""

import dataclasses
import importlib.util
import json
from pathlib import Path

from tlkeras.tuning.space import as_json

TUNERS = ("random", "bayesian", "hyperband", "optuna")


@dataclasses.dataclass(frozen=True)
class Plan:
    """A search, as data.

    Attributes:
        space: `{name: Float, Int or Choice}`.
        trials: How many models are trained at most; a search that is resumed may be given more.
        tuner: `"random"`; `"bayesian"`, a Gaussian process, after random trials of three times the number of names;
            `"hyperband"`, which trains many models for a part of the epochs and the best of them for more; or
            `"optuna"`, tree-structured Parzen estimators after ten random trials, which stops what lags behind.
        objective: Name of the score, higher is better.
        epochs: Epochs of a whole training, which `"hyperband"` takes parts of.
        seed: Seed of the values that are tried.
        fixed: Plain settings that all trials share: a search is not resumed with others.
        against: Name of a figure that every trial returns, lower is better, to look for the best scores at each cost;
            empty for the score alone. Only with `"optuna"`, which then stops no trial early.

    Raises:
        ValueError: If the tuner is unknown or not installed, the space empty, or a number out of range.
    """

    space: dict
    trials: int = 30
    tuner: str = "random"
    objective: str = "score"
    epochs: int = 1
    seed: int = 0
    fixed: dict = dataclasses.field(default_factory=dict)
    against: str = ""

    def __post_init__(self):
        """Checks the fields."""
        if self.tuner not in TUNERS:
            raise ValueError(f"`tuner` must be one of {', '.join(TUNERS)}. Received: tuner={self.tuner!r}")
        if self.tuner == "optuna" and importlib.util.find_spec("optuna") is None:
            raise ValueError(
                f'`tuner` needs Optuna to be "optuna": pip install "tlkeras[optuna]". Received: tuner={self.tuner!r}'
            )
        if self.against and self.tuner != "optuna":
            raise ValueError(
                f"`against` needs the tuner optuna: the others know one score. Received: against={self.against!r}, "
                f"tuner={self.tuner!r}"
            )
        if not self.space:
            raise ValueError("`space` must hold at least one name. Received: space={}")
        if self.trials < 1 or self.epochs < 1 or self.seed < 0:
            numbers = f"trials={self.trials}, epochs={self.epochs}, seed={self.seed}"
            raise ValueError(f"`trials` and `epochs` must be at least 1, `seed` at least 0. Received: {numbers}")
        if self.tuner == "hyperband" and self.epochs < 3:
            raise ValueError(
                f"`epochs` must be at least 3 for the tuner hyperband, which trains for a third of them first. "
                f"Received: epochs={self.epochs}"
            )

    def as_json(self) -> dict:
        """Returns the plan as plain JSON."""
        return {**dataclasses.asdict(self), "space": as_json(self.space)}

    def changes(self, started) -> list:
        """Returns in sentences how this plan differs from the one that a search was started with; none if it may go on.

        Args:
            started: What `as_json` returned then.
        """
        now = self.as_json()
        own = [name for name in now if name not in ("space", "fixed", "trials")]
        found = difference({name: started[name] for name in own}, {name: now[name] for name in own})
        found += [f"of the search space, {line}" for line in difference(started["space"], now["space"])]
        found += [f"of the flags, {line}" for line in difference(started["fixed"], now["fixed"])]
        if now["trials"] < started["trials"]:
            found += difference({"trials": started["trials"]}, {"trials": now["trials"]})
        return found

    def refuse(self, directory, resume):
        """Does nothing if a search of this plan may begin in a folder, or go on there.

        Args:
            directory: The folder.
            resume: Whether to go on with the search that is there.

        Raises:
            ValueError: If the folder holds a search and `resume` is False, or holds none and it is True; or if it was
                started with another plan, and how that differs.
        """
        path = Path(directory) / "plan.json"
        if path.exists() and not resume:
            raise ValueError(f"`directory` holds a search: resume it, or name another. Received: {directory}")
        if resume and not path.exists():
            raise ValueError(f"`directory` must hold a search to resume. Received: {directory}")
        changes = self.changes(json.loads(path.read_text(encoding="utf-8"))) if resume else ()
        if changes:
            raise ValueError(
                f"A search goes on as it was started; name another folder for another. Received: {directory}, in which "
                f"{'; '.join(changes)}"
            )


def difference(old, new) -> list:
    """Returns one sentence for each key by which two dicts of plain values differ; none where they are equal.

    Args:
        old: What was, such as `as_json` of the space that a search was started with.
        new: What is asked for now.

    Example:
        >>> difference({"rate": "0.1..0.2"}, {"rate": "0.1..0.3", "depth": ["0", "all"]})
        ['rate was 0.1..0.2 and is 0.1..0.3', 'depth was not there and is 0|all']
    """
    return [
        f"{key} was {_words(old, key)} and is {_words(new, key)}"
        for key in dict.fromkeys((*old, *new))
        if key not in old or key not in new or old[key] != new[key]
    ]


def _words(found, key):
    if key not in found:
        return "not there"
    value = found[key]
    return "|".join(map(str, value)) if isinstance(value, list) else "empty" if value == "" else str(value)
