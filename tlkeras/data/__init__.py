"""Pipelines in, pipelines out; no model."""

from tlkeras.data.checks import check_labels, check_value_range
from tlkeras.data.order import epoch_order
from tlkeras.data.pair import PairBatches, pair

__all__ = ["PairBatches", "check_labels", "check_value_range", "epoch_order", "pair"]
