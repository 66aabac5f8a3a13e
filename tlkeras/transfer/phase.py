"""One update of a training step that takes several."""

import dataclasses
from collections.abc import Callable

PARTS = ("encoder", "head", "method")


@dataclasses.dataclass(frozen=True)
class Phase:
    """One update of a training step: what is minimised, and which variables that moves.

    A method that is not one scalar returns its phases from `phases()`; `PhasedModel` runs them in order on the same
    batch. Exactly one of them is `supervised`.

    Args:
        loss: Function from a `Batch` and `training` to an unweighted scalar, such as the method's `call`.
        moves: What this update moves: `"encoder"` (the model up to the tapped layer), `"head"` (the rest of the
            model), `"method"` (the method's own variables).
        supervised: Whether the supervised loss and the terms of the other methods are minimised too; the variables of
            the other methods then move as well.
        repeats: How often it is done.

    Raises:
        ValueError: If `moves` is empty or names another part, `repeats` is not an integer >= 1, or the supervised
            phase is repeated.

    Example:
        >>> Phase(lambda batch, training: 0.0, moves=("encoder",), repeats=4).passes
        4
    """

    loss: Callable
    moves: tuple
    supervised: bool = False
    repeats: int = 1

    def __post_init__(self):
        """Checks the arguments."""
        if not self.moves or not set(self.moves) <= set(PARTS):
            raise ValueError(f"`moves` must hold one or more of {list(PARTS)}. Received: moves={self.moves!r}")
        if isinstance(self.repeats, bool) or not isinstance(self.repeats, int) or self.repeats < 1:
            raise ValueError(f"`repeats` must be an integer >= 1. Received: repeats={self.repeats!r}")
        if self.supervised and self.repeats > 1:
            raise ValueError(f"The supervised phase runs once a step. Received: repeats={self.repeats}")

    @property
    def moves_model(self) -> bool:
        """Whether it moves the model, so that every repeat needs a forward pass of its own."""
        return self.moves != ("method",)

    @property
    def passes(self) -> int:
        """Forward passes of the model."""
        return self.repeats if self.moves_model else 1
