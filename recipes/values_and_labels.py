"""Answers that are no classes: a number for each row, or any number of labels, learned in one place for another.

`--answers values` predicts the progress of a disease (scikit-learn's diabetes, 442 patients) where the patients of the
target have a higher body mass index; `--answers labels` says which digits stand in an image of two, from rendered
digits to handwritten ones, or with `--digits FOLDER` from MNIST to USPS. Two models are trained with the same steps, on
the source only and with a method of adaptation. A fifth of the source is held out: the guard weighs its rows as they
occur in the target, and does not trust the adapted model where that tells nothing; `--ship adapted` decides otherwise.

    python recipes/values_and_labels.py --seeds 3
    python recipes/values_and_labels.py --answers labels --method dann --seeds 3
"""

import dataclasses
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from recipes.common import compare_report  # noqa: E402
from recipes.common.compare import compare, ship  # noqa: E402
from recipes.common.harness import flag, run_recipe  # noqa: E402
from recipes.common.method_flags import CHOICES, MethodFlags  # noqa: E402
from recipes.common.output_tasks import Diabetes, DigitPairs  # noqa: E402
from recipes.common.trials import TaskTrials  # noqa: E402
from recipes.common.users_input import users_input  # noqa: E402
from tlkeras.tuning import Choice, Float  # noqa: E402

SEARCH = {
    "rate": Float(1e-3, 1e-1, log=True),
    "weight": Float(0.1, 10.0, log=True),
    "bottleneck": Choice((16, 64, 256)),
    "batch_size": Choice((16, 32, 64)),
}
LENGTH = ("steps", "epochs")
OBJECTIVES = ("importance_weighted_r2", "dev_r2", "source_r2", "label_information", "source_f1", "rankme")
DOMAINS = {"values": ("lower body mass index", "higher body mass index"), "labels": ("rendered", "handwritten")}


@dataclasses.dataclass
class Flags(MethodFlags):
    """Flags; their checks need no data."""

    answers: str = flag("values", f"what is predicted, {' or '.join(DOMAINS)}")
    digits: str = flag("", "folder with mnist.npz and usps.npz, for --answers labels; empty: rendered and handwritten")
    method: str = flag("domain_weights", f"one or several, separated by commas, of {CHOICES}")
    steps: int = flag(1000, "training steps of each model")
    epochs: int = flag(10, "parts of the steps, after each of which the target is scored without labels")

    def __post_init__(self):
        """Checks the flags one by one."""
        super().__post_init__()
        self._require(self.answers in DOMAINS, f"must be one of {', '.join(DOMAINS)}", "answers")
        folder = not self.digits or (self.answers == "labels" and Path(self.digits).is_dir())
        self._require(folder, "must be a folder, and is for `--answers labels`", "digits")


def open_task(flags, seed):
    """Returns the task, after one model of it was made, which refuses methods that do not understand its answers."""
    task = Diabetes(seed) if flags.answers == "values" else DigitPairs(flags.digits, seed)
    task.check(flags)
    way = flags.way(flags.method.split(","))
    for method in way.terms():
        method.check_answers(task.whole(flags, way))
    return task


def trials(flags, folder, objective, against=""):
    """Returns what trains the models of a search."""
    return TaskTrials(open_task(flags, 0), objective, against)


def run(flags, folder, seed):
    """Trains both rows, exports the one that ships, writes the report and returns the metrics."""
    start = time.perf_counter()
    flags = flags.smoked()
    with users_input():
        task = open_task(flags, seed)
    comparison = compare(task, flags, folder, seed)
    source, target = ("mnist", "usps") if flags.digits else DOMAINS[flags.answers]
    metrics = {
        "recipe": "values_and_labels",
        "source": source,
        "target": target,
        "backbone": "a linear model" if flags.answers == "values" and not flags.bottleneck else "from scratch",
        "backbone_fingerprint": None,
        **comparison.metrics,
        **ship(task, comparison, flags, folder, seed),
        "seconds": round(time.perf_counter() - start, 1),
    }
    compare_report.write(folder / "report.html", task, comparison, metrics)
    return metrics


if __name__ == "__main__":
    run_recipe("values_and_labels", __doc__.splitlines()[0], Flags, run, compare_report.summarize)
