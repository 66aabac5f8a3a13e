"""Learning rates: groups of variables, warm-up, the range test; all on Keras' own optimizers."""

from tlkeras.optimizers.find_lr import find_lr
from tlkeras.optimizers.grouped_optimizer import GroupedOptimizer
from tlkeras.optimizers.groups import groups
from tlkeras.optimizers.inverse_decay import InverseDecay
from tlkeras.optimizers.rate_curve import RateCurve
from tlkeras.optimizers.scaled import Scaled
from tlkeras.optimizers.warmup import Warmup

__all__ = ["GroupedOptimizer", "InverseDecay", "RateCurve", "Scaled", "Warmup", "find_lr", "groups"]
