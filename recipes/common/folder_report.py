"""The report page and the printed table of `recipes/image_folder.py`."""

from pathlib import Path

import keras

from tlkeras import report

EXPORT_COLUMNS = ("path", "bytes", "agreement", "max_abs_diff", "latency_ms_median", "samples")

DATA = {"training images": "n_source", "test images": "n_target", "classes": "classes"}
FACTS = {**DATA, "method": "method", "depth": "depth"}


def write(path, model, histories, metrics, test):
    """Writes the page and prints the tables.

    Args:
        path: The HTML file.
        model: The model that ships.
        histories: `{phase: {series: values}}`.
        metrics: The recipe's metrics.
        test: Labelled images to show.
    """
    table = accuracies([metrics])
    files = [{**file, "path": Path(file["path"]).name} for file in (*metrics["exports"], metrics["export"])]
    failed = [f"{file['path']} was not written: {file['failed']}" for file in files if "failed" in file]
    exports = report.records_table(
        [{key: file[key] for key in EXPORT_COLUMNS} for file in files if "failed" not in file],
        " ".join(["Each file was run by LiteRT on test images and compared with the Keras model.", *failed]),
    )
    pixels = test.images()
    probabilities = keras.ops.convert_to_numpy(keras.ops.softmax(model.predict(pixels, batch_size=64, verbose=0)))
    predictions, confidences = probabilities.argmax(axis=1), probabilities.max(axis=1)
    names = test.class_names
    confusions = report.confusion_matrix(test.labels, predictions, class_names=names)
    sections = [
        ("Accuracy on the test images", table),
        *([("Search of the depth", searched(metrics["search"]))] if metrics["search"] else []),
        ("Training", report.Image(report.curves(histories), alt="Losses and accuracies by epoch.")),
        (f"Confusion matrix of {metrics['method']}", report.Image(confusions, alt="Confusions.")),
        ("Test images", report.gallery(pixels, predictions, confidences, labels=test.labels, class_names=names)),
        ("Files for the device", exports),
    ]
    facts = {name: metrics[key] for name, key in FACTS.items()} | {"seed": metrics["seed"]}
    title = f"{metrics['target']} on {metrics['backbone']}"
    report.write_report(path, title=title, sections=sections, facts=facts, footer=versions())
    print(f"\n{report.as_text(table)}\n\n{report.as_text(exports)}")


def accuracies(runs):
    """Returns the accuracy table of one seed, or mean and standard deviation of several.

    A seed whose search found no depth worth training counts as frozen in both rows.

    Args:
        runs: Metrics, one dict a seed.
    """
    rows = {"frozen": {"last": [run["source_only"]["target_accuracy"] for run in runs]}}
    tuned = next((run["method"] for run in runs if run["method"] != "frozen"), None)
    if tuned:
        rows[tuned] = {"last": [run["adapted"]["target_accuracy_last"] for run in runs]}
    return report.accuracy_table(rows)


def searched(scores):
    """Returns the table of a search."""
    rows = [{"depth": depth, "held-out accuracy": f"{100 * value:.1f}"} for depth, value in scores.items()]
    return report.records_table(rows, "A fifth of the training images was held out; the test images chose nothing.")


def summarize(folder, runs):
    """Prints the table over all seeds and writes it as a page.

    Args:
        folder: Folder of the run.
        runs: Metrics, one dict a seed.
    """
    table = accuracies(runs)
    title = f"{runs[0]['target']} on {runs[0]['backbone']}, {len(runs)} seeds"
    depths = report.records_table([{"seed": run["seed"], "depth": run["depth"]} for run in runs])
    facts = {name: runs[0][key] for name, key in DATA.items()}
    sections = [("Accuracy on the test images", table), ("Depth", depths)]
    report.write_report(folder / "report.html", title=title, sections=sections, facts=facts, footer=versions())
    print(f"\n{report.as_text(table)}\n\n{report.as_text(depths)}")


def versions():
    """Returns one line of what was run."""
    return " · ".join(f"{key} {value}" for key, value in report.versions().items())
