"""Keras layers with state. `HubLayer` needs TensorFlow, and is there under its backend only."""

import keras

from tlkeras.layers.domain_critic import DomainCritic
from tlkeras.layers.gradient_reversal import GradientReversal

__all__ = ["DomainCritic", "GradientReversal"]

if keras.backend.backend() == "tensorflow":
    from tlkeras.layers.hub_layer import HubLayer, load

    __all__ += ["HubLayer", "load"]
