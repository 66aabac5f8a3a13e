"""The flags of `recipes/segment_shift.py`, and its ways of adaptation."""

import dataclasses
import functools

import keras

from recipes.common.harness import flag
from recipes.common.method_flags import MethodFlags
from recipes.common.ways import Way, weighted
from tlkeras import methods
from tlkeras.transfer import DANNRamp

# Pixels of a step that a term reads: of each image some, the same ones in all.
POSITIONS = 128
WAYS = {
    # A term that counts for nothing, so that the target runs.
    "norms": lambda steps: methods.PerPosition(methods.Entropy(weight=0.0, name="norms"), positions=1),
    "entropy": lambda steps: methods.PerPosition(methods.Entropy(weight=0.1), positions=POSITIONS),
    "mcc": lambda steps: methods.PerPosition(methods.MCC(weight=0.3), positions=POSITIONS),
    "self_training": lambda steps: methods.PerPosition(
        methods.FixMatch(threshold=0.9, strong_view="target", weight=0.5), positions=POSITIONS
    ),
    "dann": lambda steps: methods.DANN(hidden=(64,), strength=DANNRamp(steps=steps), weight=0.1),
    "dann_maps": lambda steps: methods.PerPosition(
        methods.DANN(hidden=(64,), strength=DANNRamp(steps=steps), tap="decoder", weight=0.1), positions=POSITIONS
    ),
    "coral": lambda steps: methods.CORAL(),
}


@dataclasses.dataclass
class Flags(MethodFlags):
    """Flags; their checks need no scene."""

    method: str = flag("norms,entropy", f"one or several, separated by commas, of {', '.join(WAYS)}")
    images: int = flag(1000, "scenes of each domain that train")
    test_images: int = flag(300, "labelled scenes of the target that score, none of which trains")
    backbone: str = flag("small", "small, a network of random weights, or a handle of a backbone of images")
    width: int = flag(16, "channels of the decoder")
    steps: int = flag(1000, "training steps of each model")
    epochs: int = flag(10, "parts of the steps, after each of which the target is scored without labels")
    batch_size: int = flag(16, "scenes of each domain in a step")
    rate: float = flag(0.002, "rate of Adam")

    choices = tuple(WAYS)

    def __post_init__(self):
        """Checks the flags one by one."""
        for name in ("images", "test_images", "width", "batch_size", "rate"):
            self._require(getattr(self, name) > 0, "must be positive", name)
        super().__post_init__()

    def way(self, names):
        """Returns how the methods are trained: by Adam, since the decoder starts from random weights."""
        way = Way(
            terms=lambda: [WAYS[name](self.steps) for name in names], batch_size=self.batch_size,
            optimizer=functools.partial(keras.optimizers.Adam, self.rate),
        )  # fmt: skip
        return weighted(way, self.weight)

    def smoked(self):
        """Returns the flags, with two steps on few scenes in `--smoke`."""
        few = {"images": 20, "test_images": 8, "batch_size": 4} if self.smoke else {}
        return dataclasses.replace(super().smoked(), **few)
