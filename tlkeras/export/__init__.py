"""From a trained model to files that were run and compared: SavedModel and LiteRT.

Names resolve on first use, so that importing the package does not load TensorFlow.
"""

from tlkeras._lazy import lazily

_HOMES = {
    "ConversionError": "litert",
    "ExportMismatch": "verify",
    "bench": "benchmark",
    "export_files": "files",
    "export_litert": "verify",
    "export_table_files": "table_files",
    "latency_ms": "run",
    "litert_accuracy": "accuracy",
    "litert_contents": "contents",
    "run_litert": "run",
    "run_onnx": "onnx_file",
    "run_saved_model": "savedmodel",
    "table_encoding": "column_encoding",
    "to_c_source": "c_source",
    "to_hub": "hub_format",
    "to_litert": "litert",
    "to_onnx": "onnx_file",
    "to_saved_model": "savedmodel",
    "to_trainable_litert": "on_device",
    "verify_litert": "verify",
    "write_encoding": "table_files",
}

__all__ = [*_HOMES]  # noqa: F822


__getattr__, __dir__ = lazily(__name__, _HOMES)
