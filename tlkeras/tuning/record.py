"""What a trial leaves on disk: one small JSON file."""

import dataclasses
import json
from pathlib import Path

from tlkeras.report import write_json

RUNNING, DONE, FAILED = "running", "done", "failed"


@dataclasses.dataclass(frozen=True)
class Record:
    """One trial.

    Attributes:
        trial: Its number, from 0.
        values: `{name: value}` that it was trained with.
        status: `"running"`, also when it was interrupted; `"done"`; or `"failed"`.
        score: The objective, higher is better; None where it did not come to one.
        share: The part of a whole training that it had.
        seconds: How long it took.
        figures: What else it returned.
        reason: Why it failed, in words.
        curve: What it reported while it trained, `{epoch: score}`, epochs from 0.
    """

    trial: int
    values: dict
    status: str = RUNNING
    score: float | None = None
    share: float = 1.0
    seconds: float | None = None
    figures: dict = dataclasses.field(default_factory=dict)
    reason: str = ""
    curve: dict = dataclasses.field(default_factory=dict)

    def write(self, directory):
        """Writes the record; an older one of the trial is replaced in one move.

        Args:
            directory: Folder of the search.
        """
        write_json(path_of(directory, self.trial), dataclasses.asdict(self))


def path_of(directory, trial):
    """Returns the file of a trial."""
    return Path(directory) / "trials" / f"{trial:04d}.json"


def read(path):
    """Returns the record of a file, or None where there is none."""
    if not path.exists():
        return None
    found = json.loads(path.read_text(encoding="utf-8"))
    return Record(**{**found, "curve": {int(epoch): score for epoch, score in found.get("curve", {}).items()}})


def read_all(directory) -> list:
    """Returns the records of a search: the best first, then what failed, then what did not end.

    Args:
        directory: Folder of the search.
    """
    found = [read(path) for path in (Path(directory) / "trials").glob("*.json")]
    return sorted(found, key=_rank)


def best_of(records):
    """Returns the best of the trials that had the whole training, or of all if none had; None if all failed.

    Args:
        records: Of all trials.
    """
    done = [record for record in records if record.status == DONE]
    return max(done, key=lambda record: (record.share, record.score, -record.trial), default=None)


def _rank(record):
    order = (DONE, FAILED, RUNNING).index(record.status)
    return order, -record.share, -(record.score or 0.0), record.trial
