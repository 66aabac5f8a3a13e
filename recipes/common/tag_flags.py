"""The flags of `recipes/tag_entities.py`."""

import dataclasses

import keras

from recipes.common.harness import flag
from recipes.common.method_flags import MethodFlags

# These align the mean of a sentence's words; the others read one class a row.
METHODS = ("dan", "mmd", "coral", "coral_means", "cmd", "sliced_wasserstein", "sinkhorn", "dann", "wdgrl", "afn")


@dataclasses.dataclass
class Flags(MethodFlags):
    """Flags; their checks need no data."""

    method: str = flag("coral_means", f"one or several, separated by commas, of {', '.join(METHODS)}")
    n_source: int = flag(2000, "sentences of news with tags")
    n_target: int = flag(2000, "sentences of chat without")
    n_test: int = flag(1000, "other sentences of chat, with tags that score and choose nothing")
    length: int = flag(16, "words of a sentence; those beyond are cut off, with a warning")
    # By the information on chat, without its tags, the best of four methods and two weights.
    weight: float = flag(25.0, "factor on the terms of the methods")
    steps: int = flag(1000, "training steps of each model")
    epochs: int = flag(5, "parts of the steps, after each of which the target is scored without labels")
    dropout: float = flag(0.2, "rate of the dropout before the logits")
    int8: bool = flag(False, "refused: the numbers of words have no int8 form")

    def __post_init__(self):
        """Checks the flags one by one, and those that belong together."""
        super().__post_init__()
        for name in ("n_source", "n_target", "n_test", "length"):
            self._require(getattr(self, name) >= 1, "must be at least 1", name)
        of_features = set(self.method.split(",")) <= set(METHODS)
        self._require(of_features, f"must be of {', '.join(METHODS)}: the others read one class a row", "method")
        self._require(not self.int8, "needs a network with float inputs, and numbers of words are none", "int8")
        self._require(not self.bottleneck, "must be 0: a head for words has no bottleneck", "bottleneck")

    def way(self, names):
        """Returns how the methods are trained: by Adam, because the network starts from random weights."""
        rate = self.rate or 2e-3
        way = dataclasses.replace(super().way(names), optimizer=lambda: keras.optimizers.Adam(rate))
        return way if self.batch_size else dataclasses.replace(way, batch_size=32)
