"""The trials of a search as a table: CSV, Markdown, the terminal."""

import csv
import io

from tlkeras.export.atomic import replacing_file
from tlkeras.report import as_text, records_table
from tlkeras.tuning.front import front_of
from tlkeras.tuning.record import DONE, FAILED, best_of, read_all


def write(directory, plan):
    """Writes `leaderboard.csv` and `leaderboard.md` and returns the records, the best first.

    Args:
        directory: Folder of the search.
        plan: `Plan`.
    """
    records = read_all(directory)
    table = rows(records, plan)
    names = list(dict.fromkeys(name for row in table for name in row))
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    _replace(directory / "leaderboard.csv", buffer.getvalue())
    _replace(directory / "leaderboard.md", _markdown(table, names))
    return records


def rows(records, plan) -> list:
    """Returns one dict for each trial.

    Args:
        records: Of all trials.
        plan: `Plan`.
    """
    shares = any(record.share != 1 for record in records)
    front = {record.trial for record in front_of(records, plan.against)} if plan.against else ()
    return [
        {
            "trial": record.trial,
            plan.objective: record.score,
            **record.values,
            **({"epochs": round(record.share * plan.epochs)} if shares else {}),
            **{name: value for name, value in record.figures.items() if not isinstance(value, dict)},
            **({"front": "yes" if record.trial in front else "no"} if plan.against else {}),
            "seconds": record.seconds,
            "status": f"{record.status}: {record.reason}" if record.reason else record.status,
        }
        for record in records
    ]


def as_table(records, plan, most=10):
    """Returns the best trials as a `tlkeras.report.Table`.

    Args:
        records: Of all trials, the best first.
        plan: `Plan`.
        most: How many trials.
    """
    counts = {status: sum(record.status == status for record in records) for status in (DONE, FAILED)}
    article = "an" if plan.tuner == "optuna" else "a"
    caption = (
        f"{len(records)} trials of {article} {plan.tuner} search, {counts[DONE]} with a score and "
        f"{counts[FAILED]} without. "
        f"{plan.objective}: higher is better; it chose the order, and no label of the target did."
    )
    return records_table(rows(records[:most], plan), caption)


def as_front(records, plan):
    """Returns the trials on the Pareto front as a `tlkeras.report.Table`, the cheapest first.

    Args:
        records: Of all trials.
        plan: `Plan` with a cost.
    """
    front = front_of(records, plan.against)
    caption = (
        f"The best {plan.objective} at each cost: of {len(records)} trials no other beats these {len(front)} in both "
        f"{plan.objective} (higher is better) and {plan.against} (lower is better)."
    )
    table = [
        {"trial": record.trial, plan.objective: record.score, plan.against: record.figures[plan.against]}
        | record.values
        for record in front
    ]
    return records_table(table, caption)


def announce(record, plan, directory):
    """Prints how a trial ended.

    Args:
        record: Its `Record`.
        plan: `Plan`.
        directory: Folder of the search.
    """
    values = " ".join(f"{name}={_short(value)}" for name, value in record.values.items())
    best = best_of(read_all(directory))
    ended = f"{plan.objective} {record.score:.4g}" if record.status == DONE else f"failed: {record.reason}"
    beside = f" (best {best.score:.4g}, trial {best.trial})" if best else ""
    print(f"trial {record.trial} of {plan.trials}: {values}: {ended}{beside}, {record.seconds:.1f} s", flush=True)


def text(records, plan) -> str:
    """Returns the best ten trials for the terminal, and the front where there is a cost.

    Args:
        records: Of all trials, the best first.
        plan: `Plan`.
    """
    tables = [as_table(records, plan), *([as_front(records, plan)] if plan.against else [])]
    return "\n\n".join(f"{as_text(table)}\n{table.caption}" for table in tables)


def _short(value):
    return f"{value:.4g}" if isinstance(value, float) else value


def _markdown(table, names):
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(_cell(row.get(name)) for name in names) + " |" for row in table]
    return "\n".join(lines) + "\n"


def _cell(value):
    return "–" if value is None else str(_short(value)).replace("|", "\\|").replace("\n", " ")


def _replace(path, content):
    with replacing_file(path) as temporary:
        temporary.write_text(content, encoding="utf-8")
