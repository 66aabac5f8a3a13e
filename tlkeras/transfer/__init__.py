"""The idea itself: a method is a layer from a batch of views to one scalar."""

from tlkeras.transfer.batch import Batch, is_views
from tlkeras.transfer.checkpoint import Checkpoint
from tlkeras.transfer.fine_tune import StagedHistory, fine_tune
from tlkeras.transfer.masked_loss import MaskedLoss
from tlkeras.transfer.method import Method
from tlkeras.transfer.pcgrad import PCGradModel
from tlkeras.transfer.phase import Phase
from tlkeras.transfer.phased import PhasedModel
from tlkeras.transfer.schedules import DANNRamp
from tlkeras.transfer.span_f1 import SpanF1
from tlkeras.transfer.stages import Stage, gradual_stages
from tlkeras.transfer.tent import Tent
from tlkeras.transfer.token_accuracy import TokenAccuracy
from tlkeras.transfer.transfer_model import TransferModel

__all__ = [
    "Batch",
    "Checkpoint",
    "DANNRamp",
    "MaskedLoss",
    "Method",
    "PCGradModel",
    "Phase",
    "PhasedModel",
    "SpanF1",
    "Stage",
    "StagedHistory",
    "Tent",
    "TokenAccuracy",
    "TransferModel",
    "fine_tune",
    "gradual_stages",
    "is_views",
]
