"""From a trained model to files that were run and compared: SavedModel and LiteRT.

Names resolve on first use, so that importing the package does not load TensorFlow.
"""

import importlib

_HOMES = {
    "ConversionError": "litert",
    "ExportMismatch": "verify",
    "export_litert": "verify",
    "run_litert": "run",
    "to_hub": "hub_format",
    "to_litert": "litert",
    "to_saved_model": "savedmodel",
    "verify_litert": "verify",
}

__all__ = [*_HOMES]  # noqa: PLE0604


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"tlkeras.export.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'tlkeras.export' has no attribute {name!r}. It has: {sorted(_HOMES)}")


def __dir__():
    return sorted(_HOMES)
