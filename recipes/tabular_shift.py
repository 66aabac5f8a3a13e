"""Tables from two places: the rows of one have labels, those of the other are of another kind or of other classes.

Two models are trained with the same steps on the encoded columns: on the source only, and with weights on its rows, by
which they count as often as rows like them occur in the target. Beside them stand the class shares of the target as
they are found without its labels, and source only corrected for them. One table can be divided: with `--shift
covariate` by a column, the likelier into the target the larger it is; with `--shift label` by the classes.

Weights help a model that is too simple to be right everywhere. Where it is right, or where few source rows are like
the target, they only add noise; `effective_rows` in `metrics.json` says how many source rows the weights leave. Rows
that other classes made likelier are for the correction, not for the weights.

    python recipes/tabular_shift.py --seeds 5
    python recipes/tabular_shift.py --shift label --prior mlls --seeds 5
    python recipes/tabular_shift.py --source diabetes --seeds 5
    python recipes/tabular_shift.py --source a.csv --target b.csv --label outcome --ignore id
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from recipes.common import class_shares, compare_report  # noqa: E402
from recipes.common.compare import BASELINE, compare, ship  # noqa: E402
from recipes.common.harness import run_recipe  # noqa: E402
from recipes.common.table_flags import Flags  # noqa: E402
from recipes.common.table_groups import load_groups  # noqa: E402
from recipes.common.table_task import TableTask  # noqa: E402
from recipes.common.trials import TaskTrials  # noqa: E402
from recipes.common.users_input import users_input  # noqa: E402
from tlkeras import report, validators  # noqa: E402
from tlkeras.tuning import Choice, Float  # noqa: E402
from tlkeras.validators.density_ratio import density_ratios  # noqa: E402

SEARCH = {
    "rate": Float(1e-3, 1e-1, log=True),
    "weight": Float(0.1, 10.0, log=True),
    "bottleneck": Choice((0, 16, 64)),
    "dropout": Float(0.0, 0.5),
    "batch_size": Choice((16, 32, 64)),
}
LENGTH = ("steps", "epochs")
OBJECTIVES = tuple(dict.fromkeys(["importance_weighted", *validators.VALIDATORS, *validators.OF_VALUES]))


def trials(flags, folder, objective, against=""):
    """Returns what trains the models of a search."""
    return TaskTrials(TableTask(*load_groups(flags, seed=0)), objective, against)


def run(flags, folder, seed):
    """Trains both rows, exports the one that the guard ships, writes the report and returns the metrics."""
    start = time.perf_counter()
    flags = flags.smoked()
    with users_input():
        task = TableTask(*load_groups(flags, seed))
        task.check(flags)
    print(*task.target.notes, sep="\n")
    comparison = compare(task, flags, folder, seed)
    inputs = comparison.inputs
    weights = density_ratios(inputs.source, inputs.target)
    shares, ships = {}, comparison.metrics["ships"]
    if task.problem.classes:
        held, target = (task.encoded(task.held), task.held.labels), (inputs.target, task.test_labels)
        shares = class_shares.class_shares(comparison.parts[BASELINE], task.source_labels, held, target, task.names)
        comparison.models[ships] = class_shares.corrected(comparison.models[ships], shares, flags.prior, task.names)
    metrics = {
        "recipe": "tabular_shift",
        "source": flags.source,
        "target": flags.target or f"{flags.shift} shift",
        "backbone": "table",
        "backbone_fingerprint": task.backbone.fingerprint,
        "columns": {name: task.source.kinds[name] for name in task.source.columns},
        "notes": list(task.target.notes),
        **comparison.metrics,
        "prior": flags.prior,
        "class_shares": shares,
        "weights": {"effective_rows": float(weights.sum() ** 2 / (weights**2).sum()), "largest": float(weights.max())},
        **ship(task, comparison, flags, folder, seed),
        "seconds": round(time.perf_counter() - start, 1),
    }
    sections = [("Class shares of the target", class_shares.table(shares))] if shares else []
    compare_report.write(folder / "report.html", task, comparison, metrics, sections)
    print(*(report.as_text(table) for _, table in sections))
    return metrics


if __name__ == "__main__":
    run_recipe("tabular_shift", __doc__.splitlines()[0], Flags, run, compare_report.summarize)
