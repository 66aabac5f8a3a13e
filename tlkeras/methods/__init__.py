"""Methods of transfer, one file each; a new one is one line here."""

from tlkeras.methods.adversarial.adda import ADDA
from tlkeras.methods.adversarial.cdan import CDAN
from tlkeras.methods.adversarial.dann import DANN
from tlkeras.methods.adversarial.iwan import IWAN
from tlkeras.methods.adversarial.mcd import MCD
from tlkeras.methods.adversarial.mdan import MDAN
from tlkeras.methods.adversarial.mdd import MDD
from tlkeras.methods.adversarial.osbp import OSBP
from tlkeras.methods.adversarial.pada import PADA
from tlkeras.methods.adversarial.regression_mdd import RegressionMDD
from tlkeras.methods.adversarial.wdgrl import WDGRL
from tlkeras.methods.align.afn import AFN
from tlkeras.methods.align.bsp import BSP
from tlkeras.methods.align.cdd import CDD
from tlkeras.methods.align.cmd import CMD
from tlkeras.methods.align.coral import CORAL
from tlkeras.methods.align.deepjdot import DeepJDOT
from tlkeras.methods.align.jmmd import JMMD
from tlkeras.methods.align.lmmd import LMMD
from tlkeras.methods.align.mmd import MMD
from tlkeras.methods.align.rsd import RSD
from tlkeras.methods.align.sinkhorn import Sinkhorn
from tlkeras.methods.align.sliced_wasserstein import SlicedWasserstein
from tlkeras.methods.distill.bituning import BiTuning
from tlkeras.methods.distill.cotuning import CoTuning
from tlkeras.methods.distill.feature_distillation import FeatureDistillation
from tlkeras.methods.distill.logit_distillation import LogitDistillation
from tlkeras.methods.penalty.bss import BSS
from tlkeras.methods.penalty.delta import DELTA
from tlkeras.methods.penalty.delta_attention import delta_attention
from tlkeras.methods.penalty.l2sp import L2SP
from tlkeras.methods.per_position import PerPosition
from tlkeras.methods.reweight.domain_weights import DomainWeights
from tlkeras.methods.reweight.uncertainty_weighting import UncertaintyWeighting
from tlkeras.methods.selftrain.adamatch import AdaMatch
from tlkeras.methods.selftrain.bnm import BNM
from tlkeras.methods.selftrain.entropy import Entropy
from tlkeras.methods.selftrain.fixmatch import FixMatch
from tlkeras.methods.selftrain.mcc import MCC
from tlkeras.methods.selftrain.mean_teacher import MeanTeacher
from tlkeras.methods.selftrain.shot import SHOT
from tlkeras.methods.selftrain.vat import VAT

__all__ = [
    "ADDA",
    "AFN",
    "BNM",
    "BSP",
    "BSS",
    "CDAN",
    "CDD",
    "CMD",
    "CORAL",
    "DANN",
    "DELTA",
    "IWAN",
    "JMMD",
    "L2SP",
    "LMMD",
    "MCC",
    "MCD",
    "MDAN",
    "MDD",
    "MMD",
    "OSBP",
    "PADA",
    "RSD",
    "SHOT",
    "VAT",
    "WDGRL",
    "AdaMatch",
    "BiTuning",
    "CoTuning",
    "DeepJDOT",
    "DomainWeights",
    "Entropy",
    "FeatureDistillation",
    "FixMatch",
    "LogitDistillation",
    "MeanTeacher",
    "PerPosition",
    "RegressionMDD",
    "Sinkhorn",
    "SlicedWasserstein",
    "UncertaintyWeighting",
    "delta_attention",
]
