"""From a trained model to files that were run and compared: SavedModel and LiteRT.

Names resolve on first use, so that importing the package does not load TensorFlow.
"""

from tlkeras._lazy import lazily

_HOMES = {
    "ConversionError": "litert",
    "ExportMismatch": "verify",
    "export_files": "files",
    "export_litert": "verify",
    "run_litert": "run",
    "to_hub": "hub_format",
    "to_litert": "litert",
    "to_saved_model": "savedmodel",
    "verify_litert": "verify",
}

__all__ = [*_HOMES]  # noqa: F822


__getattr__, __dir__ = lazily(__name__, _HOMES)
