"""Features of a frozen part, computed once and reused by every epoch, seed and trial."""

from tlkeras.cache.features import features

__all__ = ["features"]
