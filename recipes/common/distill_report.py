"""The report page and the printed tables of `recipes/distill_to_edge.py`."""

import json
import statistics
from pathlib import Path

import keras

from tlkeras import report

FACTS = {"student": "backbone", "teacher": "teacher", "target images": "n_target", "classes": "classes", "seed": "seed"}


def write(path, domains, model, histories, metrics):
    """Writes the page and prints the tables.

    Args:
        path: The HTML file.
        domains: `recipes.common.domains.Domains`.
        model: The distilled student.
        histories: `{row: {series: values}}`.
        metrics: The recipe's metrics.
    """
    shown = domains.test or domains.target
    pixels, labels, names = shown.images(), domains.test and domains.test.labels, None
    if domains.test:
        names = domains.test.class_names
    logits = model.predict(pixels, batch_size=64, verbose=0)
    probabilities = keras.ops.convert_to_numpy(keras.ops.softmax(logits))
    predictions, confidences = probabilities.argmax(axis=1), probabilities.max(axis=1)
    tables = [answers([metrics]), files([metrics])]
    sections = [
        ("Teacher and student", tables[0]),
        ("Files for the device", tables[1]),
        ("Training", report.Image(report.curves(histories), alt="Losses by epoch.")),
        ("Target images", report.gallery(pixels, predictions, confidences, labels=labels, class_names=names)),
    ]
    if domains.test:
        confusions = report.confusion_matrix(labels, predictions, class_names=names)
        sections.insert(3, ("Confusion matrix of the student", report.Image(confusions, alt="Confusions.")))
    facts = {name: metrics[key] for name, key in FACTS.items()}
    title = f"{Path(metrics['target']).name}: {metrics['backbone']}"
    report.write_report(path, title=title, sections=sections, facts=facts, footer=versions())
    print("", *(report.as_text(table) + "\n" for table in tables), sep="\n")


def answers(runs):
    """Returns the table of the Keras models, of one seed or of several.

    Args:
        runs: Metrics, one dict a seed.
    """
    records = []
    for name in runs[0]["rows"]:
        rows = [run["rows"][name] for run in runs]
        scored = {"accuracy, %": _percent([row["target_accuracy_last"] for row in rows])} if _scored(runs) else {}
        agreement = _percent([row["agreement_with_teacher"] for row in rows])
        records.append({"model": name, "weights": f"{rows[0]['weights']:,}", **scored, "as the teacher, %": agreement})
    return report.records_table(records, "Last epoch. Agreement: share of the target images with the teacher's answer.")


def files(runs):
    """Returns the table of the files, of one seed or of several.

    Args:
        runs: Metrics, one dict a seed.
    """
    records = []
    for place, file in enumerate(runs[0]["files"]):
        rows = [run["files"][place] for run in runs]
        path = Path(file["path"])
        scored = {"accuracy, %": _percent([row["accuracy"] for row in rows])} if _scored(runs) else {}
        records.append(
            {
                "file": path.name if path.parent.name != "teacher" else f"teacher/{path.name}",
                "bytes": f"{file['bytes']:,}",
                "of the first": f"{file['bytes'] / runs[0]['files'][0]['bytes']:.2f}",
                "ms": _spread([row["latency_ms_median"] for row in rows], 2),
                "of the first's ms": _spread([row["latency_ratio"] for row in rows], 2),
                "as its model, %": _percent([row["agreement"] for row in rows]),
                **scored,
            }
        )
    caption = (
        "Latency: the median of 200 calls at batch 1 and one thread, the files in turn. Agreement: with the file's own "
        "Keras model, on target images that set no range."
    )
    return report.records_table(records, " ".join([caption, *_failed(runs[0])]))


def summarize(folder, runs):
    """Prints the tables over all seeds and writes them as a page.

    Args:
        folder: Folder of the run.
        runs: Metrics, one dict a seed.
    """
    tables = {"Teacher and student": answers(runs)}
    if len({json.dumps([Path(file["path"]).name for file in run["files"]]) for run in runs}) == 1:
        tables["Files for the device"] = files(runs)
    title = f"{Path(runs[0]['target']).name}: {runs[0]['backbone']}, {len(runs)} seeds"
    facts = {name: runs[0][key] for name, key in FACTS.items() if key != "seed"}
    report.write_report(folder / "report.html", title=title, sections=list(tables.items()), facts=facts,
                        footer=versions())  # fmt: skip
    print("", *(report.as_text(table) + "\n" for table in tables.values()), sep="\n")


def versions():
    """Returns one line of what was run."""
    return " · ".join(f"{key} {value}" for key, value in report.versions().items())


def _scored(runs):
    return "target_accuracy_last" in runs[0]["rows"]["teacher"]


def _failed(metrics):
    found = (*metrics["exports"], metrics["export"])
    return [f"{Path(file['path']).name} was not written: {file['failed']}" for file in found if "failed" in file]


def _percent(shares):
    return _spread([100 * share for share in shares], 1)


def _spread(values, digits):
    mean = f"{statistics.mean(values):.{digits}f}"
    return f"{mean} ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else mean
