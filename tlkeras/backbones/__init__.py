"""Pretrained models by handle, as flat functional Keras models that take images in 0-255; and columns of a table."""

from tlkeras.backbones.applications import application_names, from_applications
from tlkeras.backbones.backbone import Backbone
from tlkeras.backbones.blocks import Block, blocks, head_variables
from tlkeras.backbones.handle import from_handle
from tlkeras.backbones.hub import from_hub
from tlkeras.backbones.presets import from_preset
from tlkeras.backbones.table import from_table
from tlkeras.backbones.text import from_texts

__all__ = [
    "Backbone",
    "Block",
    "application_names",
    "blocks",
    "from_applications",
    "from_handle",
    "from_hub",
    "from_preset",
    "from_table",
    "from_texts",
    "head_variables",
]
