"""The common test of every method, and toy domains."""

from tlkeras.testing import common
from tlkeras.testing.common import Case
from tlkeras.testing.toy import (
    few_labels,
    fine_tuned_accuracy,
    shifted_clusters,
    spurious_feature,
    toy_accuracy,
    turned_clusters,
)

__all__ = [
    "Case",
    "common",
    "few_labels",
    "fine_tuned_accuracy",
    "shifted_clusters",
    "spurious_feature",
    "toy_accuracy",
    "turned_clusters",
]
