"""Model in, model out, before `compile`."""

from tlkeras.surgery.copies import frozen_copy
from tlkeras.surgery.freeze import unfreeze
from tlkeras.surgery.heads import classifier
from tlkeras.surgery.lora import lora
from tlkeras.surgery.norms import stoch_norm
from tlkeras.surgery.split import split

__all__ = [
    "classifier",
    "frozen_copy",
    "lora",
    "split",
    "stoch_norm",
    "unfreeze",
]
