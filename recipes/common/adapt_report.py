"""The report page and the printed tables of `recipes/adapt_images.py`."""

from pathlib import Path

import keras
import numpy as np

from tlkeras import report

SERIES = {
    "last": "target_accuracy_last",
    "selected": "target_accuracy_selected",
    "selected_by": "selected_by",
    "oracle": "target_accuracy_oracle",
}
EXPORT_COLUMNS = ("path", "bytes", "agreement", "max_abs_diff", "latency_ms_median", "samples")
FACTS = {"source images": "n_source", "target images": "n_target", "classes": "classes", "method": "method",
         "depth": "depth", "seed": "seed"}  # fmt: skip
SHOWN = 400  # images of each domain in the map of features


def write(path, domains, models, histories, metrics):
    """Writes the page and prints the tables.

    Args:
        path: The HTML file.
        domains: `recipes.common.domains.Domains`.
        models: `{row: model}`; `metrics["ships"]` names the one that ships.
        histories: `{row: {series: values}}`.
        metrics: The recipe's metrics.
    """
    names = list(domains.source.class_names)
    shown = domains.test or domains.target
    labels = domains.test.labels if domains.test else None
    pixels = shown.images()
    logits = models[metrics["ships"]].predict(pixels, batch_size=64, verbose=0)
    probabilities = keras.ops.convert_to_numpy(keras.ops.softmax(logits))
    predictions, confidences = probabilities.argmax(axis=1), probabilities.max(axis=1)
    tables = [*([accuracies([metrics])] if domains.test else []), unlabelled(metrics)]
    maps = report.feature_map(_panels(domains, models), class_names=names)
    sections = [
        ("On the target", tables),
        ("Is the adapted model to be trusted?", metrics["guard"]["words"]),
        ("Training", report.Image(report.curves(histories), alt="Losses and accuracies.")),
        ("Features of both domains", report.Image(maps, alt="Map of the features.")),
        ("Target images", report.gallery(pixels, predictions, confidences, labels=labels, class_names=names)),
        ("Files for the device", files(metrics)),
    ]
    if domains.test:
        confusions = report.confusion_matrix(labels, predictions, class_names=names)
        sections.insert(3, (f"Confusion matrix of {metrics['ships']}", report.Image(confusions, alt="Confusions.")))
    facts = {name: metrics[key] for name, key in FACTS.items()}
    title = f"{Path(metrics['source']).name} to {Path(metrics['target']).name} on {metrics['backbone']}"
    report.write_report(path, title=title, sections=sections, facts=facts, footer=versions())
    print("", *(report.as_text(table) + "\n" for table in (*tables, files(metrics))), sep="\n")


def accuracies(runs):
    """Returns the accuracy table of one seed, or mean and standard deviation of several.

    Args:
        runs: Metrics, one dict a seed.
    """
    rows = {}
    for name in runs[0]["rows"]:
        values = {key: [run["rows"][name][series] for run in runs] for key, series in SERIES.items()}
        rows[name] = {**values, "selected_by": values["selected_by"][0]}
    return report.accuracy_table(rows)


def unlabelled(metrics):
    """Returns what can be said of both rows without a label of the target."""
    records = [
        {"model": name, "information": f"{row['score']:.2f}", **row["predicted"]}
        for name, row in metrics["rows"].items()
    ]
    caption = (
        "Without labels: information is the entropy of the mean prediction less the mean entropy, 0 to log(classes), "
        "higher is better; then how many target images are taken for each class. A class that vanishes is a warning."
    )
    return report.records_table(records, caption)


def files(metrics):
    """Returns the table of the files for a device."""
    records = [{**file, "path": Path(file["path"]).name} for file in (*metrics["exports"], metrics["export"])]
    failed = [f"{file['path']} was not written: {file['failed']}" for file in records if "failed" in file]
    return report.records_table(
        [{key: file[key] for key in EXPORT_COLUMNS} for file in records if "failed" not in file],
        " ".join(["Each file was run by LiteRT on target images and compared with the Keras model.", *failed]),
    )


def summarize(folder, runs):
    """Prints the table over all seeds and writes it as a page.

    Args:
        folder: Folder of the run.
        runs: Metrics, one dict a seed.
    """
    if "target_accuracy_last" not in runs[0]["adapted"]:
        return
    table = accuracies(runs)
    title = f"{Path(runs[0]['source']).name} to {Path(runs[0]['target']).name}, {len(runs)} seeds"
    facts = {name: runs[0][key] for name, key in FACTS.items() if key != "seed"}
    report.write_report(folder / "report.html", title=title, sections=[("On the target", table)], facts=facts,
                        footer=versions())  # fmt: skip
    print(f"\n{report.as_text(table)}")


def versions():
    """Returns one line of what was run."""
    return " · ".join(f"{key} {value}" for key, value in report.versions().items())


def _panels(domains, models):
    target = domains.test or domains.target
    rows = {"source": _some(domains.source), "target": _some(target)}
    panels = {}
    for name, model in models.items():
        tapped = keras.Model(model.input, model.get_layer("bottleneck").output)
        panels[name] = {
            domain: (tapped.predict(images.images(), batch_size=64, verbose=0), images.labels)
            for domain, images in rows.items()
        }
        if domains.test is None:
            panels[name]["target"] = (panels[name]["target"][0], None)
    return panels


def _some(images):
    return images.subset(np.unique(np.linspace(0, len(images) - 1, min(SHOWN, len(images))).astype(int)))
