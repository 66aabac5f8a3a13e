"""Keras layers with state, and a loss. `HubLayer` runs under the TensorFlow backend only, and says so under another."""

from tlkeras.layers.class_queue import ClassQueue
from tlkeras.layers.domain_critic import DomainCritic
from tlkeras.layers.domain_norm import DomainBatchNormalization
from tlkeras.layers.fake_quant import FakeQuant
from tlkeras.layers.fake_quant_kernels import FakeQuantConv2D, FakeQuantDense, FakeQuantDepthwiseConv2D
from tlkeras.layers.gradient_reversal import GradientReversal
from tlkeras.layers.hub_layer import HubLayer
from tlkeras.layers.hub_permission import load
from tlkeras.layers.imputed_normalization import ImputedNormalization
from tlkeras.layers.log_mel import LogMel
from tlkeras.layers.mean_token import MeanToken
from tlkeras.layers.preset_layer import PresetLayer
from tlkeras.layers.preset_text import PresetTokens
from tlkeras.layers.random_map import RandomMap
from tlkeras.layers.real_tokens import RealTokens
from tlkeras.layers.spec_augment import SpecAugment
from tlkeras.layers.standardized_error import StandardizedError
from tlkeras.layers.stoch_norm import StochNorm
from tlkeras.layers.view_scope import view_scope

__all__ = [
    "ClassQueue",
    "DomainBatchNormalization",
    "DomainCritic",
    "FakeQuant",
    "FakeQuantConv2D",
    "FakeQuantDense",
    "FakeQuantDepthwiseConv2D",
    "GradientReversal",
    "HubLayer",
    "ImputedNormalization",
    "LogMel",
    "MeanToken",
    "PresetLayer",
    "PresetTokens",
    "RandomMap",
    "RealTokens",
    "SpecAugment",
    "StandardizedError",
    "StochNorm",
    "load",
    "view_scope",
]
