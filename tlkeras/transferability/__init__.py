"""Before training: which backbone suits a data set, and how far apart two domains are."""

from tlkeras.transferability.advice import Advice, advise
from tlkeras.transferability.class_shares import ClassShares, class_shares, matched_rows
from tlkeras.transferability.diagnose import Diagnosis, diagnose
from tlkeras.transferability.domain_distance import DomainDistance, domain_distance
from tlkeras.transferability.h_score import h_score
from tlkeras.transferability.leep import leep
from tlkeras.transferability.logme import logme
from tlkeras.transferability.nce import nce
from tlkeras.transferability.rank import rank

__all__ = [
    "Advice",
    "ClassShares",
    "Diagnosis",
    "DomainDistance",
    "advise",
    "class_shares",
    "diagnose",
    "domain_distance",
    "h_score",
    "leep",
    "logme",
    "matched_rows",
    "nce",
    "rank",
]
