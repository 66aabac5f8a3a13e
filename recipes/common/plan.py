"""How one classifier is fine-tuned, as data."""

import dataclasses
from pathlib import Path

import numpy as np

from tlkeras import methods
from tlkeras.backbones import blocks
from tlkeras.surgery import frozen_copy

METHODS = {
    "none": lambda part: [],
    "l2sp": lambda part: [methods.L2SP()],
    "delta": lambda part: [methods.DELTA(taps=_top_layers(part))],
    "bss": lambda part: [methods.BSS()],
    "bituning": lambda part: [methods.BiTuning()],
    "distillation": lambda part: [methods.LogitDistillation(frozen_copy(part, "teacher"))],  # of the head just trained
    "stochnorm": lambda part: [],
    "lora": lambda part: [],
}
LORA_RANK = 8


@dataclasses.dataclass(frozen=True)
class Plan:
    """How to train one row.

    Attributes:
        handle: The backbone.
        cache: Folder of the feature cache.
        seed: Seed of the weights and of the order.
        input_shape: Shape of one image, or None for that of the backbone.
        depth: Blocks from the top that train, or `"all"`.
        method: One of `METHODS`.
        head_epochs: Epochs of the head alone, may be 0.
        epochs: Epochs at `depth`, after those of the head.
        head_rate: Rate of the head alone.
        rate: Rate at `depth`.
        batch_size: Rows in a batch.
        augment: Augmented copies of each image where features are cached; elsewhere any number > 0 augments anew in
            every epoch.
        train_bn: Whether BatchNorm of the trained blocks uses and moves batch statistics. With few images its averages
            lag behind what is trained, and inference is worse than training says.
        scratch: Whether the backbone starts from random weights: BatchNorm trains then.
        weigh_classes: Whether rare classes count as much as frequent ones.
        callbacks: Of every `fit`, after those that keep its state.
        scored: Rows of the images whose accuracy every epoch logs as `val_accuracy`, or None.
    """

    handle: str
    cache: str | Path
    seed: int = 0
    input_shape: tuple | None = None
    depth: int | str = 0
    method: str = "none"
    head_epochs: int = 30
    epochs: int = 15
    head_rate: float = 1e-3
    rate: float = 1e-4
    batch_size: int = 32
    augment: int = 0
    train_bn: bool = False
    scratch: bool = False
    weigh_classes: bool = False
    callbacks: tuple = ()
    scored: np.ndarray | None = None

    @property
    def norm_follows(self) -> bool:
        """Whether BatchNorm trains whatever `train_bn` says, with averages that follow fast."""
        return self.scratch or self.method == "stochnorm"

    @property
    def freeze_bn(self) -> bool | str:
        """What `tlkeras.surgery.unfreeze` is told."""
        return True if self.train_bn or self.norm_follows else "all"


def _top_layers(part):
    """Returns the last layers of the top three blocks; of a SavedModel only its output can be read."""
    names = [block.layers[-1].name for block in blocks(part)[-3:] if not hasattr(block.layers[-1], "unfreeze")]
    return tuple(names) or ("features",)
