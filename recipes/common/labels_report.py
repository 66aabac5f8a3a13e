"""The results of `recipes/few_labels.py`: kept row by row, drawn, and written as Markdown."""

import json
import shlex
import statistics
import sys

from recipes.common.folder_report import versions
from tlkeras import report
from tlkeras.report import write_json


class Rows:
    """Accuracies by number of labels and row, in a file that grows as they come.

    Args:
        path: The JSON file.
    """

    def __init__(self, path):
        self._path = path
        self.rows = json.loads(path.read_text("utf-8")) if path.exists() else {}

    def has(self, labels, name):
        """Tells whether a row is done."""
        return name in self.rows.get(labels, {}).get("accuracy", {})

    def accuracy(self, labels, name):
        """Returns the accuracy of a row."""
        return self.rows[labels]["accuracy"][name]

    def add(self, labels, name, images, accuracy):
        """Keeps a row."""
        self.rows.setdefault(labels, {"images": images, "accuracy": {}})["accuracy"][name] = accuracy
        write_json(self._path, self.rows)


def table(runs):
    """Returns the lines of a Markdown table: rows are models, columns numbers of labels, mean ± deviation in percent.

    Args:
        runs: Metrics, one dict a seed.
    """
    labels = list(runs[0]["rows"])
    counts = [f"{text} ({runs[0]['rows'][text]['images']})" for text in labels]
    lines = ["| | " + " | ".join(counts) + " |", "|---|" + "---|" * len(labels)]
    for name in runs[0]["rows"][labels[0]]["accuracy"]:
        cells = []
        for text in labels:
            values = [100 * run["rows"][text]["accuracy"][name] for run in runs]
            spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
            cells.append(f"{statistics.mean(values):.1f}{spread}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def curves(runs):
    """Draws accuracy over the number of training images, one line a row, with the deviation over the seeds."""
    # Imported here because it takes a second.
    from matplotlib.figure import Figure

    figure = Figure((9, 5), layout="constrained")
    axes = figure.subplots()
    rows = runs[0]["rows"]
    images = [row["images"] for row in rows.values()]
    names = list(next(iter(rows.values()))["accuracy"])
    for place, name in enumerate(names):
        values = [[100 * run["rows"][text]["accuracy"][name] for run in runs] for text in rows]
        spread = [statistics.stdev(found) if len(found) > 1 else 0 for found in values]
        beside = [count * 1.012 ** (place - len(names) / 2) for count in images]  # so that no bar hides another
        axes.errorbar(beside, [statistics.mean(found) for found in values], spread, label=name, capsize=2, marker="o",
                      markersize=3)  # fmt: skip
    axes.set(xlabel="labelled training images", ylabel="test accuracy (%)", xscale="log")
    axes.set_xticks(images, [str(count) for count in images])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right center")
    return figure


def summarize(folder, runs):
    """Writes `few_labels.md` and the page with the plot over all seeds, and prints the table.

    Args:
        folder: Folder of the run.
        runs: Metrics, one dict a seed.
    """
    lines = table(runs)
    seeds = f"{len(runs)} seeds" if len(runs) > 1 else f"seed {runs[0]['seed']}"
    title = f"{runs[0]['target']} on {runs[0]['backbone']}"
    head = [
        f"# Few labels: {title}",
        "",
        f"Test accuracy in percent after the last epoch, mean and standard deviation over {seeds}; "
        f"{runs[0]['n_target']} test images that chose nothing. In brackets: training images.",
        "",
    ]
    command = ["", "```", shlex.join(["python", *sys.argv]), "```", ""]
    (folder / "few_labels.md").write_text("\n".join([*head, *lines, *command]), encoding="utf-8")
    _, *columns = (cell.strip() for cell in lines[0].split("|")[1:-1])
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]
    records = [dict(zip(["model", *columns], row, strict=True)) for row in cells]
    picture = report.Image(curves(runs), alt="Accuracy over the number of labels.")
    (folder / "few_labels.png").write_bytes(picture.png)
    caption = f"After the last epoch, mean and standard deviation over {seeds}. In brackets: training images."
    sections = [("Accuracy over labels", picture), ("Test accuracy (%)", report.records_table(records, caption))]
    facts = {"test images": runs[0]["n_target"], "classes": runs[0]["classes"], "seeds": len(runs)}
    report.write_report(folder / "report.html", title=title, sections=sections, facts=facts, footer=versions())
    print("\n" + "\n".join(lines))
