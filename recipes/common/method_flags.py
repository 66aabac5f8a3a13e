"""The flags of every recipe that adapts: which method, how it is trained, what ships."""

import dataclasses

from recipes.common.guarding import SHIPS
from recipes.common.harness import flag
from recipes.common.ways import WAYS, composed, weighted

CHOICES = ", ".join(name for name in WAYS if name != "source")


@dataclasses.dataclass
class MethodFlags:
    """Flags; their checks need no data. A recipe's own stand in a subclass."""

    method: str = flag("mcc", f"one or several, separated by commas, of {CHOICES}")
    steps: int = flag(2000, "training steps of each model")
    epochs: int = flag(20, "parts of the steps, after each of which the target is scored without labels")
    bottleneck: int = flag(0, "width of the layer that is aligned; 0: that of the method's authors")
    batch_size: int = flag(0, "rows of each domain in a step; 0: that of the method's authors")
    rate: float = flag(0.0, "rate of the head at the start, the backbone has a tenth; 0: that of the method's authors")
    weight: float = flag(1.0, "factor on the terms of the methods")
    dropout: float = flag(0.0, "rate of the dropout before the logits")
    ship: str = flag("guarded", f"which model is written, {', '.join(SHIPS)}: the first leaves it to the guard")
    int8: bool = flag(True, "write an int8 LiteRT file beside the float32 one")
    smoke: bool = flag(False, "two steps, to see that everything runs")

    choices = tuple(CHOICES.split(", "))  # no annotation, hence no flag

    def __post_init__(self):
        """Checks the flags one by one, and those that belong together."""
        whole = self.epochs >= 1 and self.steps >= 1 and self.steps % self.epochs == 0
        self._require(whole, "must be a multiple of --epochs, and both at least 1", "steps", "epochs")
        for name in ("bottleneck", "batch_size", "rate", "weight"):
            self._require(getattr(self, name) >= 0, "must not be negative", name)
        self._require(0 <= self.dropout < 1, "must be at least 0 and below 1", "dropout")
        self._require(self.ship in SHIPS, f"must be one of {', '.join(SHIPS)}", "ship")
        names = self.method.split(",")
        known = set(names) <= set(self.choices) and len(set(names)) == len(names)
        self._require(known, f"must be some of {', '.join(self.choices)}, each once, separated by commas", "method")

    def _require(self, fits, rule, *names):
        if not fits:
            received = ", ".join(f"--{name.replace('_', '-')} {getattr(self, name)!r}" for name in names)
            raise ValueError(f"`--{names[0].replace('_', '-')}` {rule}. Received: {received}")

    def way(self, names):
        """Returns how the methods are trained, with what the flags say otherwise."""
        own = {name: getattr(self, name) for name in ("bottleneck", "batch_size", "rate") if getattr(self, name)}
        return dataclasses.replace(weighted(composed(names), self.weight), **own)

    def smoked(self):
        """Returns the flags, with two steps in `--smoke`."""
        return dataclasses.replace(self, steps=2, epochs=1) if self.smoke else self
