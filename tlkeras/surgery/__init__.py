"""Model in, model out, before `compile`."""

from tlkeras.surgery.copies import frozen_copy
from tlkeras.surgery.heads import classifier

__all__ = [
    "classifier",
    "frozen_copy",
]
