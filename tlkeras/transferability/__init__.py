"""Which backbone suits a data set, from one pass of features and no training."""

from tlkeras.transferability.h_score import h_score
from tlkeras.transferability.leep import leep
from tlkeras.transferability.logme import logme
from tlkeras.transferability.nce import nce
from tlkeras.transferability.rank import rank

__all__ = ["h_score", "leep", "logme", "nce", "rank"]
