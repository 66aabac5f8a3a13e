"""Model in, model out, before `compile`."""

from tlkeras.surgery.heads import classifier

__all__ = ["classifier"]
