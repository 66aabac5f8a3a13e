"""Sentiment elsewhere: reviews with labels of one kind of product, without of another, and a classifier for the other.

The texts come from .jsonl or .csv files (plain or .gz); without any, made-up reviews of books and kitchenware are used.
The backbone is made of the texts themselves, with nothing to download, or is a text embedding of a hub. Two models are
trained with the same steps: on the source only, and with methods of adaptation that look at the target's texts. The
guard says which ships. Accuracy, F1 and confusions are those on `--test`, which chooses nothing.

On real reviews `--method mcc` gained most (`benchmarks/sentiment_pairs.md`). Where the domains share few words, as the
made-up ones do, it sharpens wrong answers and the guard does not notice; mmd, the default, gained on both.

    python recipes/sentiment.py
    python recipes/sentiment.py --source books.jsonl.gz --target kitchen.jsonl.gz --test kitchen.jsonl.gz \
        --text title,text --backbone hub/glove_50d --method mcc
    python recipes/sentiment.py --source a.csv --target b.csv --method dann --critic-lr 1e-4 --classifier-lr 1e-3
"""

import sys
import time
from pathlib import Path

import keras
import numpy as np
from sklearn.metrics import f1_score

sys.path.insert(0, str(Path(__file__).parents[1]))
from recipes.common import compare_report, costs  # noqa: E402
from recipes.common.compare import compare, ship  # noqa: E402
from recipes.common.harness import run_recipe  # noqa: E402
from recipes.common.text_flags import Flags  # noqa: E402
from recipes.common.text_task import TextTask  # noqa: E402
from recipes.common.trials import TaskTrials  # noqa: E402
from recipes.common.users_input import users_input  # noqa: E402
from tlkeras import report  # noqa: E402
from tlkeras.tuning import Choice, Float  # noqa: E402
from tlkeras.validators import VALIDATORS  # noqa: E402

SEARCH = {
    "rate": Float(1e-4, 1e-2, log=True),
    "method": Choice(("mmd", "mcc", "dann", "cdan", "coral")),
    "weight": Float(0.1, 10.0, log=True),
    "bottleneck": Choice((16, 64, 256)),
    "dropout": Float(0.0, 0.7),
    "batch_size": Choice((32, 64)),
}
LENGTH = ("steps", "epochs")
OBJECTIVES = ("information_maximization", *(name for name in VALIDATORS if name != "information_maximization"))
COSTS = costs.COSTS
SHOWN = 20  # texts in the report
CUT = 300  # characters of each


def trials(flags, folder, objective, against=""):
    """Returns what trains the models of a search."""
    return TaskTrials(TextTask(flags), objective, against)


def run(flags, folder, seed):
    """Trains both rows, exports the one that the guard ships, writes the report and returns the metrics."""
    start = time.perf_counter()
    flags = flags.smoked()
    keras.utils.set_random_seed(seed)
    with users_input():
        task = TextTask(flags, seed)
        task.check(flags)
    comparison = compare(task, flags, folder, seed)
    metrics = {
        "recipe": "sentiment",
        "source": str(task.source.path),
        "target": str(task.target.path),
        "backbone": flags.backbone,
        "backbone_fingerprint": task.fingerprint,
        **comparison.metrics,
        **ship(task, comparison, flags, folder, seed),
        "seconds": round(time.perf_counter() - start, 1),
    }
    sections = [*(by_class(task, comparison, metrics) if task.test else []), texts(task, comparison)]
    compare_report.write(folder / "report.html", task, comparison, metrics, sections)
    return metrics


def by_class(task, comparison, metrics):
    """Adds the mean F1 over the classes to both rows, and returns the confusions of source only beside those."""
    found = {
        name: part.predict(comparison.inputs.test, batch_size=512, verbose=0).argmax(axis=1)
        for name, part in comparison.parts.items()
    }
    records = []
    for name, answers in found.items():
        each = f1_score(task.test_labels, answers, labels=range(len(task.names)), average=None, zero_division=0)
        metrics["rows"][name]["target_f1_last"] = float(each.mean())
        classes = {f"F1 of {label}": f"{value:.3f}" for label, value in zip(task.names, each, strict=True)}
        records.append({"model": name, "mean F1": f"{each.mean():.3f}", **classes})
    table = report.records_table(records, "F1 is the harmonic mean of precision and recall, at the last epoch.")
    print(report.as_text(table))
    pictures = [
        report.Image(
            report.confusion_matrix(task.test_labels, answers, class_names=list(task.names)), alt=f"Confusions, {name}."
        )
        for name, answers in found.items()
    ]
    return [("F1 of each class", table), (f"Confusions: {', then '.join(found)}", pictures)]


def texts(task, comparison):
    """Returns some target texts with what the model that ships takes them for, the least certain first."""
    rows = np.random.default_rng(0).permutation(task.target_count)[:200]
    shown = task.target_inputs(rows)
    logits = comparison.shipped.predict(shown, verbose=0)
    probabilities = keras.ops.convert_to_numpy(keras.ops.softmax(logits))
    order = probabilities.max(axis=1).argsort()[:SHOWN]
    records = [
        {"taken for": task.names[probabilities[row].argmax()], "certainty": f"{probabilities[row].max():.2f}",
         "text": shown[row][:CUT]}
        for row in order
    ]  # fmt: skip
    return "Target texts of which it is least certain", report.records_table(records)


if __name__ == "__main__":
    run_recipe("sentiment", __doc__.splitlines()[0], Flags, run, compare_report.summarize)
