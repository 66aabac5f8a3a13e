"""The card of a bundle, `README.md`."""

from pathlib import Path

import jinja2

from tlkeras.bundle.about import About
from tlkeras.report.tables import accuracy_table, as_markdown, records_table

SERIES = {
    "last": "target_accuracy_last",
    "selected": "target_accuracy_selected",
    "selected_by": "selected_by",
    "oracle": "target_accuracy_oracle",
}
DATA = {
    "recipe": "recipe",
    "method": "method",
    "ships": "which row ships",
    "source": "source",
    "target": "target",
    "n_source": "rows of the source",
    "n_target": "rows of the target",
    "depth": "blocks of the backbone that trained",
    "seed": "seed",
    "seconds": "seconds of the run",
}
FILE = (
    "file", "bytes", "accuracy", "model_accuracy", "agreement", "max_abs_diff", "latency_ms_median", "verified_on",
    "samples", "arena_bytes",
)  # fmt: skip


def card(facts: dict, about: About, *, labels, preprocessing: dict) -> str:
    """Return the text of the card; what is not known is said to be unknown.

    Args:
        facts: What `bundle.json` holds.
        about: What is known of the model.
        labels: Names of the classes.
        preprocessing: What `preprocessing.json` holds.
    """
    metrics = about.metrics
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), undefined=jinja2.StrictUndefined, trim_blocks=True
    )  # Markdown, not HTML: nothing to escape
    text = environment.get_template("card.md").render(
        **{key: facts[key] for key in ("name", "version", "page", "runs")},
        tag=facts["name"].lower(),
        labels=labels,
        shape=str(tuple(preprocessing["input"]["shape"])),
        images=bool(preprocessing["before_the_file"]),
        before=preprocessing["before_the_file"],
        inside=[_layer(layer) for layer in preprocessing["inside_the_file"]],
        kind=preprocessing["output"]["kind"],
        files=as_markdown(records_table([_file(row) for row in facts["files"]])),
        data={told: metrics[key] for key, told in DATA.items() if metrics.get(key) not in (None, "")},
        backbone=metrics.get("backbone") or "unknown",
        licence=about.backbone_licence,
        accuracies=_accuracies(metrics),
        guard=(metrics.get("guard") or {}).get("words", []),
        limits=_limits(facts, about),
        versions=" · ".join(f"{key} {value}" for key, value in facts["versions"].items()),
    )
    return text.strip() + "\n"


def _accuracies(metrics: dict) -> str:
    ships = metrics.get("ships") or metrics.get("method")
    rows = {
        f"**{name}** (this model)" if name == ships else name: {key: row.get(series) for key, series in SERIES.items()}
        for name, row in (metrics.get("rows") or {ships: metrics.get("adapted") or {}}).items()
        if row.get("target_accuracy_last") is not None
    }
    return as_markdown(accuracy_table(rows)) if rows else ""


def _limits(facts: dict, about: About) -> list[str]:
    limits = ["It answers one of its classes, whatever it is shown.", "Latencies were taken where the bundle was made."]
    if about.config.get("flags", {}).get("smoke"):
        limits.insert(0, "**Of a `--smoke` run, which trains for two steps: its numbers mean nothing.**")
    if facts["stored"] == "random inputs":
        limits.append("No real samples were given: the files were compared with the model on random inputs only.")
    if about.class_names is None:
        limits.append("No names of the classes were given: `labels.txt` holds their numbers.")
    if about.metrics.get("source_only"):
        limits.append(
            "Accuracies are the Keras model's, measured by the recipe on its target, which it may have adapted to "
            "without labels; a file agrees with that model as far as the table of files says."
        )
    return limits


def _file(row: dict) -> dict:
    if "agreement" not in row and "stored_agreement" in row:  # it was run on the stored inputs only
        found = {name: row[f"stored_{name}"] for name in ("agreement", "max_abs_diff")}
        row = {**row, **found, "verified_on": "the stored inputs"}
    return {name: row[name] for name in FILE if name in row}


def _layer(layer: dict) -> str:
    settings = ", ".join(f"{key} {value}" for key, value in layer.items() if key not in ("layer", "class"))
    return f"`{layer['layer']}` ({layer['class']}{', ' + settings if settings else ''})"
