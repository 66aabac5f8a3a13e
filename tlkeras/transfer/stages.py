"""The stages of fine-tuning."""

import dataclasses

import keras

from tlkeras.optimizers.scaled import is_rate


@dataclasses.dataclass(frozen=True)
class Stage:
    """How deep, how long and how fast one part of `fine_tune` trains.

    Args:
        depth: Blocks of the backbone that train, counted from the top; 0 for the head alone, `"all"` for all, None for
            whatever is trainable already (`tlkeras.surgery.lora`).
        epochs: Epochs of this stage.
        learning_rate: Rate of the head, a number > 0 or a Keras schedule, which starts anew with the stage.
        backbone: Factor on the rate of every block, see `tlkeras.optimizers.groups`.
        decay: Factor from each block to the one below it.
        freeze_bn: Where BatchNorm is frozen, see `tlkeras.surgery.unfreeze`.

    Raises:
        ValueError: If an argument is out of range. Whether the backbone has `depth` blocks, `fine_tune` tells.

    Example:
        >>> Stage(depth=2, epochs=3, learning_rate=1e-4, decay=0.5)
        Stage(depth=2, epochs=3, learning_rate=0.0001, backbone=1.0, decay=0.5, freeze_bn=True)
    """

    depth: int | str | None
    epochs: int
    learning_rate: float
    backbone: float = 1.0
    decay: float = 1.0
    freeze_bn: bool | str = True

    def __post_init__(self):
        """Checks the fields."""
        if self.depth not in ("all", None) and (_no_integer(self.depth) or self.depth < 0):
            raise ValueError(f'`depth` must be "all", None or an integer >= 0. Received: depth={self.depth!r}')
        if _no_integer(self.epochs) or self.epochs < 1:
            raise ValueError(f"`epochs` must be an integer >= 1. Received: epochs={self.epochs!r}")
        if not is_rate(self.learning_rate):
            raise ValueError(
                f"`learning_rate` must be a number > 0 or a Keras schedule. Received: {self.learning_rate!r}"
            )
        for name in ("backbone", "decay"):
            if callable(getattr(self, name)) or not is_rate(getattr(self, name)):
                raise ValueError(f"`{name}` must be a number > 0. Received: {name}={getattr(self, name)!r}")

    def get_config(self) -> dict:
        """Returns the fields as JSON can hold them."""
        rate = keras.saving.serialize_keras_object(self.learning_rate)
        return {**dataclasses.asdict(self), "learning_rate": rate}


def gradual_stages(depth, *, epochs, learning_rate, decay=1 / 2.6):
    """Returns the stages of gradual unfreezing: the head, then one block more in each stage, down to `depth` blocks.

    Args:
        depth: Blocks that train in the last stage, an integer >= 0.
        epochs: Epochs of each stage.
        learning_rate: Rate of the head in each stage.
        decay: Factor on the rate from each block to the one below it; ULMFiT divides by 2.6.

    Returns:
        List of `depth + 1` stages.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> [stage.depth for stage in gradual_stages(3, epochs=1, learning_rate=1e-3)]
        [0, 1, 2, 3]

    Reference:
        Howard, Ruder: Universal Language Model Fine-tuning for Text Classification, 2018,
        https://arxiv.org/abs/1801.06146
    """
    if _no_integer(depth) or depth < 0:
        raise ValueError(f"`depth` must be an integer >= 0. Received: depth={depth!r}")
    return [Stage(top, epochs, learning_rate, decay=decay) for top in range(depth + 1)]


def _no_integer(value) -> bool:
    return isinstance(value, bool) or not isinstance(value, int)
