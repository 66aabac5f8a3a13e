"""Pretrained models by handle, as flat functional Keras models that take images in 0-255."""

from tlkeras.backbones.hub import from_hub

__all__ = ["from_hub"]
