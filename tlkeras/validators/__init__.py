"""Scores that need no target label."""

from tlkeras.validators.a_distance import proxy_a_distance
from tlkeras.validators.class_ami import class_ami
from tlkeras.validators.collapse import collapse
from tlkeras.validators.dev import dev
from tlkeras.validators.entropy import entropy
from tlkeras.validators.evidence import Evidence, Probe
from tlkeras.validators.guard import Verdict, guard
from tlkeras.validators.importance_weighted import importance_weighted
from tlkeras.validators.information_maximization import information_maximization
from tlkeras.validators.mixval import mixval
from tlkeras.validators.nuclear_norm import nuclear_norm
from tlkeras.validators.rankme import rankme
from tlkeras.validators.reverse_validation import reverse_validation
from tlkeras.validators.scores import VALIDATORS, needs, score
from tlkeras.validators.select_epoch import SelectEpoch
from tlkeras.validators.snd import snd
from tlkeras.validators.source_accuracy import source_accuracy

__all__ = [
    "VALIDATORS",
    "Evidence",
    "Probe",
    "SelectEpoch",
    "Verdict",
    "class_ami",
    "collapse",
    "dev",
    "entropy",
    "guard",
    "importance_weighted",
    "information_maximization",
    "mixval",
    "needs",
    "nuclear_norm",
    "proxy_a_distance",
    "rankme",
    "reverse_validation",
    "score",
    "snd",
    "source_accuracy",
]
