"""The report page and the printed tables of every recipe that compares source only with an adapted model."""

from pathlib import Path

import keras
import numpy as np

from recipes.common.problems import PROBLEMS
from tlkeras import report
from tlkeras.backbones.graph import output_of
from tlkeras.transfer.method import Method

EXPORT_COLUMNS = ("path", "bytes", "agreement", "max_abs_diff", "latency_ms_median", "samples")
FACTS = {"backbone": "backbone", "source rows": "n_source", "target rows": "n_target", "classes": "classes",
         "method": "method", "seed": "seed"}  # fmt: skip
SHOWN = 400  # rows of each domain in the map of features


def write(path, task, comparison, metrics, sections=()):
    """Writes the page and prints the tables.

    Args:
        path: The HTML file.
        task: `recipes.common.task.Task`.
        comparison: What `recipes.common.compare.compare` returned.
        metrics: The recipe's metrics.
        sections: A recipe's own `(heading, part)`, such as examples of its inputs.
    """
    scored = task.test_labels is not None
    tables = [*([figures([metrics])] if scored else []), unlabelled(metrics)]
    pages = [
        ("On the target", tables),
        ("Is the adapted model to be trusted?", metrics["guard"]["words"]),
        ("Training", report.Image(report.curves(comparison.histories, measure=metrics["measure"]),
                                  alt="Losses and figures by epoch.")),
    ]
    if scored:
        shipped = comparison.parts[metrics["ships"]]
        outputs = shipped.predict(comparison.inputs.test, batch_size=512, verbose=0)
        pictures = task.problem.pictures(outputs, task.test_labels, task.names)
        pages += [(f"{heading} of {metrics['ships']}", picture) for heading, picture in pictures]
    maps = report.feature_map(_panels(task, comparison), class_names=task.names if task.problem.classes else None)
    pages += [
        ("Features of both domains", report.Image(maps, alt="Map of the features.")),
        *sections,
        ("Files for the device", files(metrics)),
    ]
    facts = {name: metrics[key] for name, key in FACTS.items()}
    report.write_report(path, title=_title(metrics), sections=pages, facts=facts, footer=versions())
    print("", *(report.as_text(table) + "\n" for table in (*tables, files(metrics))), sep="\n")


def figures(runs):
    """Returns the table of the target's figures, of one seed or mean and standard deviation of several.

    Args:
        runs: Metrics, one dict a seed.
    """
    measure, rows = runs[0]["measure"], {}
    series = {key: f"target_{measure}_{key}" for key in ("last", "selected", "oracle")}
    for name, row in runs[0]["rows"].items():
        values = {key: [run["rows"][name][one] for run in runs] for key, one in series.items()}
        rows[name] = {**values, "selected_by": row["selected_by"]}
    return PROBLEMS[measure].table(rows)


def unlabelled(metrics):
    """Returns what can be said of both rows without a label of the target."""
    records = [
        {"model": name, PROBLEMS[metrics["measure"]].score_name: f"{row['score']:.2f}", **row.get("predicted", {})}
        for name, row in metrics["rows"].items()
    ]
    return report.records_table(records, PROBLEMS[metrics["measure"]].unlabelled_note)


def files(metrics):
    """Returns the table of the files for a device."""
    records = [{**file, "path": Path(file["path"]).name} for file in (*metrics["exports"], metrics["export"])]
    failed = [f"{file['path']} was not written: {file['failed']}" for file in records if "failed" in file]
    return report.records_table(
        [{key: file[key] for key in EXPORT_COLUMNS} for file in records if "failed" not in file],
        " ".join(["Each file was run by LiteRT on target rows and compared with the Keras model.", *failed]),
    )


def summarize(folder, runs):
    """Prints the table over all seeds and writes it as a page.

    Args:
        folder: Folder of the run.
        runs: Metrics, one dict a seed.
    """
    if f"target_{runs[0]['measure']}_last" not in runs[0]["adapted"]:
        return
    table = figures(runs)
    facts = {name: runs[0][key] for name, key in FACTS.items() if key != "seed"}
    title = f"{_title(runs[0])}, {len(runs)} seeds"
    report.write_report(folder / "report.html", title=title, sections=[("On the target", table)], facts=facts,
                        footer=versions())  # fmt: skip
    print(f"\n{report.as_text(table)}")


def versions():
    """Returns one line of what was run."""
    return " · ".join(f"{key} {value}" for key, value in report.versions().items())


def _title(metrics):
    return f"{metrics['recipe'].replace('_', ' ')}: {Path(metrics['source']).name} to {Path(metrics['target']).name}"


def _panels(task, comparison):
    """Returns the features of some source rows and some target rows, the test rows where there are labels."""
    scored = task.problem.classes and task.test_labels is not None
    rows = {
        "source": (comparison.inputs.source, task.source_labels if task.problem.classes else None),
        "target": (comparison.inputs.test, task.test_labels) if scored else (comparison.inputs.target, None),
    }
    panels = {}
    for name, part in comparison.parts.items():
        tap = next(tap for tap in Method.default_taps if any(layer.name == tap for layer in part.layers))
        tapped = keras.Model(part.input, output_of(part, tap))
        panels[name] = {domain: _features(tapped, *some) for domain, some in rows.items()}
    return panels


def _features(tapped, inputs, labels):
    chosen = np.unique(np.linspace(0, len(inputs) - 1, min(SHOWN, len(inputs))).astype(int))
    return tapped.predict(inputs[chosen], batch_size=64, verbose=0), None if labels is None else labels[chosen]
