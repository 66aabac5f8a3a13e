"""The report of a run: tables, plots, one self-contained HTML page, and `metrics.json`.

Names resolve on first use: matplotlib and scikit-learn take a second to import, and `write_json` needs neither.
"""

import importlib

_HOMES = {
    "Gallery": "pictures",
    "Image": "page",
    "Table": "tables",
    "accuracy_table": "tables",
    "as_text": "tables",
    "confusion_matrix": "plots",
    "curves": "plots",
    "feature_map": "maps",
    "gallery": "pictures",
    "records_table": "tables",
    "versions": "metrics",
    "write_json": "metrics",
    "write_report": "page",
}

__all__ = [*_HOMES]  # noqa: PLE0604


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"tlkeras.report.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'tlkeras.report' has no attribute {name!r}. It has: {sorted(_HOMES)}")


def __dir__():
    return sorted(_HOMES)
