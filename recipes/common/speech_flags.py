"""The flags of `recipes/spoken_digits.py`."""

import dataclasses
from pathlib import Path

import keras

from recipes.common.harness import flag
from recipes.common.method_flags import MethodFlags


@dataclasses.dataclass
class Flags(MethodFlags):
    """Flags; their checks need no recording."""

    data: str = flag("", "folder with an npz file or a folder of class folders of wav files for each speaker; "
                     "none: speakers made of tones")  # fmt: skip
    target: str = flag("", "the new speaker, whose labels only score; by default the last by name")
    source: str = flag("", "the labelled speakers, separated by commas; by default all others")
    backbone: str = flag("", "handle of an audio model of a hub, one waveform a call, whose features a head is trained "
                         "on; none: a small network from random weights")  # fmt: skip
    output: str = flag("default", "its output with the features: a name, or a place in a row, 1 for YAMNet")
    rate_hz: int = flag(8000, "samples a second of what the model takes; other recordings are resampled")
    seconds: float = flag(0.8, "length of what the model takes")
    crop: str = flag("centre", "what is left of longer recordings: centre, or loudest")
    skip_unreadable: bool = flag(False, "go on without recordings that cannot be used, and print them")
    steps: int = flag(500, "training steps of each model")
    epochs: int = flag(10, "parts of the steps, after each of which the target is scored without labels")
    bottleneck: int = flag(64, "width of the layer that is aligned")
    batch_size: int = flag(32, "rows of each domain in a step")
    rate: float = flag(0.001, "rate of Adam at the start; it falls to 0 along a cosine")
    dropout: float = flag(0.3, "rate of the dropout before the logits")

    def __post_init__(self):
        """Checks the flags one by one."""
        self._require(not self.data or Path(self.data).is_dir(), "must be a folder of speakers", "data")
        for name in ("bottleneck", "batch_size", "rate", "seconds", "rate_hz"):
            self._require(getattr(self, name) > 0, "must be positive", name)
        super().__post_init__()

    def way(self, names):
        """Returns how the methods are trained: by Adam, since the network starts from random weights."""
        return dataclasses.replace(super().way(names), optimizer=self._optimizer)

    def _optimizer(self):
        return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(self.rate, self.steps))
