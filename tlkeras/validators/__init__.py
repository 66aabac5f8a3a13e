"""Scores that need no target label."""

from tlkeras.validators.information_maximization import SelectEpoch, information_maximization

__all__ = ["SelectEpoch", "information_maximization"]
