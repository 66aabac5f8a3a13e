"""The page of a search."""

from tlkeras import report
from tlkeras.tuning import leaderboard
from tlkeras.tuning.pictures import depths_and_rates, parallel, scores_and_costs
from tlkeras.tuning.record import DONE

CHOSEN = "The best flags, in best.json, are those of the best score, whatever they cost."
FIGURES = {
    "last": "target_accuracy_last",
    "selected": "target_accuracy_selected",
    "selected_by": "selected_by",
    "oracle": "target_accuracy_oracle",
}


def write(path, records, plan, *, title, retrained=None):
    """Writes the page: what the best flags give, the leaderboard, and how the scores depend on the values.

    Args:
        path: The HTML file.
        records: Of all trials, the best first.
        plan: `Plan`.
        title: What was searched.
        retrained: Metrics of the best flags, one dict a seed; or None.
    """
    done = [record for record in records if record.status == DONE]
    sections = [("Trials", leaderboard.as_table(records, plan, most=len(records)))]
    pictures = [report.Image(parallel(done, plan), alt="One line for each trial across its values and its score.")]
    grid = depths_and_rates(done, plan)
    if grid is not None:
        pictures.append(report.Image(grid, alt="Scores by depth and rate."))
    sections.append(("Values and scores", pictures))
    if plan.against:
        drawn = report.Image(scores_and_costs(done, plan), alt=f"The scores over their {plan.against}, and the front.")
        sections.insert(0, (f"Scores against {plan.against}", [leaderboard.as_front(records, plan), drawn, CHOSEN]))
    if retrained:
        sections.insert(0, ("The best flags", accuracies(retrained)))
    facts = {"tuner": plan.tuner, "objective": plan.objective, "trials": len(records), "seed": plan.seed}
    facts |= {"against": plan.against} if plan.against else {}
    footer = " · ".join(f"{key} {value}" for key, value in report.versions().items())
    report.write_report(path, title=f"Search over {title}", sections=sections, facts=facts, footer=footer)


def accuracies(runs):
    """Returns the table of last, selected and oracle accuracy of every row of the recipe, or what else its rows hold.

    Args:
        runs: Metrics, one dict a seed.
    """
    rows = {
        name: {key: [run["rows"][name].get(series) for run in runs] for key, series in FIGURES.items()}
        for name in runs[0]["rows"]
        if all(name in run["rows"] for run in runs)
    }
    if all(row["last"][0] is None for row in rows.values()):
        found = [{"model": name, **_flat(row)} for run in runs for name, row in run["rows"].items()]
        return report.records_table(found)
    return report.accuracy_table(
        {
            name: {
                key: values[0] if key == "selected_by" else values
                for key, values in row.items()
                if values[0] is not None
            }
            for name, row in rows.items()
        }
    )


def _flat(row):
    """Returns a row in which a dict, such as the rows of each class, has become columns."""
    found = {}
    for key, value in row.items():
        found.update(value if isinstance(value, dict) else {key: value})
    return found
