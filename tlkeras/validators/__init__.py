"""Scores that need no target label."""

from tlkeras.validators.a_distance import proxy_a_distance
from tlkeras.validators.class_ami import class_ami
from tlkeras.validators.collapse import collapse
from tlkeras.validators.collapse_of import collapse_of
from tlkeras.validators.dev import dev
from tlkeras.validators.dev_r2 import dev_r2
from tlkeras.validators.entropy import entropy
from tlkeras.validators.evidence import Evidence, Probe
from tlkeras.validators.guard import Verdict, guard
from tlkeras.validators.importance_weighted import importance_weighted
from tlkeras.validators.importance_weighted_r2 import importance_weighted_r2
from tlkeras.validators.information_maximization import information_maximization
from tlkeras.validators.label_information import label_information
from tlkeras.validators.mixval import mixval
from tlkeras.validators.nuclear_norm import nuclear_norm
from tlkeras.validators.rankme import rankme
from tlkeras.validators.reverse_validation import reverse_validation
from tlkeras.validators.scores import OF_LABELS, OF_VALUES, VALIDATORS, needs, score
from tlkeras.validators.select_epoch import SelectEpoch
from tlkeras.validators.snd import snd
from tlkeras.validators.source_accuracy import source_accuracy
from tlkeras.validators.source_f1 import source_f1
from tlkeras.validators.source_r2 import source_r2

__all__ = [
    "OF_LABELS",
    "OF_VALUES",
    "VALIDATORS",
    "Evidence",
    "Probe",
    "SelectEpoch",
    "Verdict",
    "class_ami",
    "collapse",
    "collapse_of",
    "dev",
    "dev_r2",
    "entropy",
    "guard",
    "importance_weighted",
    "importance_weighted_r2",
    "information_maximization",
    "label_information",
    "mixval",
    "needs",
    "nuclear_norm",
    "proxy_a_distance",
    "rankme",
    "reverse_validation",
    "score",
    "snd",
    "source_accuracy",
    "source_f1",
    "source_r2",
]
