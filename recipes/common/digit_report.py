"""The report page and the printed table of `recipes/digits.py`."""

import keras
import numpy as np

from tlkeras import report

LABELS = {
    "target_accuracy_last": "last",
    "target_accuracy_selected": "selected",
    "selected_by": "selected_by",
    "target_accuracy_oracle": "oracle",
}
EXPORT_COLUMNS = ("path", "bytes", "agreement", "max_abs_diff", "latency_ms_median", "samples")


def write(path, task, models, histories, metrics):
    """Writes the page, and the map of features beside it as `features.png`, and prints the tables.

    Args:
        path: The HTML file.
        task: `recipes.common.digit_tasks.Task`.
        models: `{row: model}`; `metrics["ships"]` names the one that ships.
        histories: `{row: {series: values}}`.
        metrics: The recipe's metrics.
    """
    table = accuracies([metrics])
    exports = report.records_table(
        [
            {key: file[key] if key != "path" else file[key].rsplit("/", 1)[-1] for key in EXPORT_COLUMNS}
            for file in (*metrics["exports"], metrics["export"])
        ],
        "Each file was run by LiteRT on target images that calibration never saw, and compared with the Keras model.",
    )
    images, labels = task.scored
    probabilities = keras.ops.convert_to_numpy(
        keras.ops.softmax(models[metrics["ships"]].predict(images, batch_size=599, verbose=0))
    )
    predictions, confidences = probabilities.argmax(axis=1), probabilities.max(axis=1)
    before, after = "trained on source", metrics["method"]
    panels = {
        name: {"source": (features(models[name], task.source[0][:600]), task.source[1][:600]),
               "target": (features(models[name], images[:600]), labels[:600])}
        for name in (before, after)
    }  # fmt: skip
    features_map = report.Image(report.feature_map(panels), alt="Map of the features.")
    confusions = report.Image(report.confusion_matrix(labels, predictions), alt="Confusions.")
    (path.parent / "features.png").write_bytes(features_map.png)
    sections = [
        ("Accuracy on the target", [table, *_unseen(metrics)]),
        ("Is the adapted model to be trusted?", metrics["guard"]["words"]),
        ("Training", report.Image(report.curves(histories), alt="Loss terms and accuracies by epoch.")),
        (f"Confusion matrix of {metrics['ships']}", confusions),
        ("Features of both domains", features_map),
        ("Target images", report.gallery(images, predictions, confidences, labels=labels)),
        ("Files for the device", exports),
    ]
    facts = {key: metrics[key] for key in ("source", "target", "method", "backbone", "n_source", "n_target", "seed")}
    footer = " · ".join(f"{key} {value}" for key, value in report.versions().items())
    report.write_report(
        path, title=f"{metrics['source']} to {metrics['target']}", sections=sections, facts=facts, footer=footer
    )
    print(f"\n{report.as_text(table)}\n\n{report.as_text(exports)}")


def accuracies(runs):
    """Returns the accuracy table of one seed, or mean and standard deviation of several.

    Args:
        runs: Metrics, one dict a seed.
    """
    rows = {}
    for name, row in runs[0]["rows"].items():
        values = {LABELS[key]: [run["rows"][name][key] for run in runs] for key in row}
        rows[name] = {key: listed[0] if key == "selected_by" else listed for key, listed in values.items()}
    return report.accuracy_table(rows)


def summarize(folder, runs):
    """Prints the table over all seeds and writes it as a page.

    Args:
        folder: Folder of the run.
        runs: Metrics, one dict a seed.
    """
    table, files = (
        accuracies(runs),
        report.records_table(
            [{"seed": run["seed"], **{key: run["export"][key] for key in EXPORT_COLUMNS[1:]}} for run in runs]
        ),
    )
    halves = [100 * run["unseen_half"]["target_accuracy_last"] for run in runs if "unseen_half" in run]
    note = [f"Adapted to one half and scored on the other: {np.mean(halves):.1f} ± {np.std(halves, ddof=1):.1f}."]
    sections = [("Accuracy on the target", [table, *(note if halves else [])]), ("The int8 files", files)]
    title = f"{runs[0]['source']} to {runs[0]['target']}, {len(runs)} seeds"
    report.write_report(folder / "report.html", title=title, sections=sections)
    print(f"\n{report.as_text(table)}\n\n{report.as_text(files)}")
    print(*(note if halves else []))


def features(model, images):
    """Returns the bottleneck of images, `(rows, width)`."""
    tapped = keras.Model(model.input, model.get_layer("bottleneck").output)
    return np.asarray(tapped.predict(images, batch_size=256, verbose=0))


def _unseen(metrics):
    if "unseen_half" not in metrics:
        return []
    half = metrics["unseen_half"]
    return [
        f"The same images were adapted to (without labels) and scored. Adapted to {half['adapted_rows']} of them and "
        f"scored on the others: {100 * half['target_accuracy_last']:.1f}."
    ]
