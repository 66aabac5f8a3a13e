"""Model in, model out, before `compile`."""

from tlkeras.surgery.adapt_norms import adapt_norms
from tlkeras.surgery.answers import answers_of
from tlkeras.surgery.copies import frozen_copy
from tlkeras.surgery.domain_norms import domain_norms, strip_domains
from tlkeras.surgery.freeze import unfreeze
from tlkeras.surgery.heads import classifier, multi_label, regressor
from tlkeras.surgery.lora import lora
from tlkeras.surgery.norms import stoch_norm
from tlkeras.surgery.prior_correction import prior_correction
from tlkeras.surgery.prune_channels import prune_channels
from tlkeras.surgery.quantization_aware import quantization_aware
from tlkeras.surgery.segmenter import segmenter
from tlkeras.surgery.split import split
from tlkeras.surgery.token_head import token_classifier
from tlkeras.surgery.train_only_norms import train_only_norms

__all__ = [
    "adapt_norms",
    "answers_of",
    "classifier",
    "domain_norms",
    "frozen_copy",
    "lora",
    "multi_label",
    "prior_correction",
    "prune_channels",
    "quantization_aware",
    "regressor",
    "segmenter",
    "split",
    "stoch_norm",
    "strip_domains",
    "token_classifier",
    "train_only_norms",
    "unfreeze",
]
