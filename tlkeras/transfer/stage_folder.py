"""How far a run in stages has come, on disk where a folder is given."""

import json
import os
import pathlib

from tlkeras.transfer.checkpoint import Checkpoint


class StageFolder:
    """The epochs and the history of a run in stages; with a directory, a killed run is taken up again.

    `stages.json` holds the stages and where each began, and is replaced in one move; `Checkpoint` holds the rest.

    Args:
        directory: Folder of this run alone, or None to keep nothing.
        stages: The stages as JSON can hold them.

    Attributes:
        starts: Epoch at which each stage began, and that at which the last one ended.
        epochs: Epochs done.
        history: `{name: [value of each epoch]}`.

    Raises:
        ValueError: If the folder holds a run with other stages, or another kind of run.

    Example:
        >>> StageFolder(None, [{"depth": 0}]).starts
        [0]
    """

    def __init__(self, directory, stages):
        self.stages, self.starts, self.epochs, self.history = stages, [0], 0, {}
        self.callbacks = []
        self._file = None
        if directory is not None:
            self.callbacks = [Checkpoint(directory)]
            self._file = pathlib.Path(directory) / "stages.json"
            self._read(directory)

    def _read(self, directory):
        self.epochs = self.callbacks[0].epochs
        if self._file.exists():
            state = json.loads(self._file.read_text(encoding="utf-8"))
            if state["stages"] != json.loads(json.dumps(self.stages)):
                raise ValueError(
                    "`stages` must be those that the run in `directory` was started with; start anew in another "
                    f"folder. Received: {self.stages}, and {state['stages']} in {directory}"
                )
            self.starts = state["starts"]
        elif self.epochs:
            raise ValueError(
                f"`directory` must be the folder of this run alone. Received: another run's state in {directory}"
            )
        self._write()

    def _write(self):
        if self._file is not None:
            fresh = self._file.with_suffix(".new")
            fresh.write_text(json.dumps({"stages": self.stages, "starts": self.starts}), encoding="utf-8")
            os.replace(fresh, self._file)

    @property
    def holder(self) -> int:
        """Index of the stage that the state on disk belongs to; 0 when there is none."""
        return max(sum(start < self.epochs for start in self.starts[: len(self.stages)]) - 1, 0)

    def restore(self, model, index):
        """Loads the state into `model`, compiled for stage `index`, if it is that stage's."""
        if self.callbacks and self.epochs and index == self.holder:
            self.callbacks[0].restore(model)
            self.history = {name: list(values) for name, values in self.callbacks[0].history.items()}

    def ended(self, index) -> bool:
        """Tells whether stage `index` is over."""
        return len(self.starts) > index + 1

    def add(self, result):
        """Adds what `fit` returned."""
        for name, values in result.history.items():
            self.history.setdefault(name, []).extend(values)
        self.epochs = result.epoch[-1] + 1

    def end(self, index):
        """Notes that stage `index` is over, and that the next begins."""
        if not self.ended(index):
            self.starts.append(self.epochs)
            self._write()
