"""The common test of every method, and toy domains."""

from tlkeras.testing import common
from tlkeras.testing.common import Case
from tlkeras.testing.few_label_toys import linear_accuracy, renamed_classes, weak_direction
from tlkeras.testing.label_space_toys import covariate_shift, drawn_in_classes, missing_classes, unknown_class
from tlkeras.testing.toy import (
    few_labels,
    fine_tuned_accuracy,
    shifted_clusters,
    spurious_feature,
    toy_accuracy,
    toy_model,
    turned_clusters,
)

__all__ = [
    "Case",
    "common",
    "covariate_shift",
    "drawn_in_classes",
    "few_labels",
    "fine_tuned_accuracy",
    "linear_accuracy",
    "missing_classes",
    "renamed_classes",
    "shifted_clusters",
    "spurious_feature",
    "toy_accuracy",
    "toy_model",
    "turned_clusters",
    "unknown_class",
    "weak_direction",
]
