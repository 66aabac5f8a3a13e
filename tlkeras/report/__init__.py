"""The report of a run: tables, plots, one self-contained HTML page, and `metrics.json`.

Names resolve on first use: matplotlib and scikit-learn take a second to import, and `write_json` needs neither.
"""

from tlkeras._lazy import lazily

_HOMES = {
    "Gallery": "pictures",
    "Image": "page",
    "Table": "tables",
    "accuracy_table": "tables",
    "as_markdown": "tables",
    "as_text": "tables",
    "confusion_matrix": "plots",
    "curves": "plots",
    "feature_map": "maps",
    "figures_table": "tables",
    "gallery": "pictures",
    "label_table": "tables",
    "predicted_against_true": "plots",
    "records_table": "tables",
    "versions": "metrics",
    "write_benchmark": "benchmark",
    "write_json": "metrics",
    "write_report": "page",
}

__all__ = [*_HOMES]  # noqa: F822


__getattr__, __dir__ = lazily(__name__, _HOMES)
