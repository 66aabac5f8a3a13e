"""How well a score without target labels chooses: its rank correlation with target accuracy, and the regret.

    python recipes/benchmarks/pool.py --features FEATURES --data DIR --out POOL
    python recipes/benchmarks/choosing.py --pool POOL

Per pair every checkpoint of the pool is a candidate: source only and all methods, weights and seeds. A validator
chooses the candidate with the highest score that the collapse detector does not veto. Scores are kept beside the runs,
so that a table that was interrupted goes on. At most 250 rows of each domain are looked at.
"""

import argparse
import dataclasses
import json
import statistics
import sys
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

sys.path.insert(0, str(Path(__file__).parents[2]))
from recipes.benchmarks.methods import commit  # noqa: E402
from recipes.benchmarks.pool import METHODS  # noqa: E402
from tlkeras.report import versions, write_json  # noqa: E402
from tlkeras.validators import VALIDATORS, Evidence, collapse, score  # noqa: E402

LOOKED_AT = 250


@dataclasses.dataclass(frozen=True)
class Candidate:
    """One checkpoint.

    Attributes:
        run: Name of the run.
        checkpoint: Its index in the run, from 0.
        accuracy: Share of the target rows that are right.
        collapsed: The reasons of the collapse detector; none for a healthy model.
        scores: `{validator: score}`; minus infinity where the model diverged.
    """

    run: str
    checkpoint: int
    accuracy: float
    collapsed: list
    scores: dict


def evidence(file, checkpoint, rows=LOOKED_AT):
    """Returns the `Evidence` of one checkpoint of a run's file."""
    arrays = {key: file[key][checkpoint] for key in file if key not in ("accuracy", "seconds", "source_labels")}
    arrays = {key: value[:rows].astype("float32") for key, value in arrays.items()}
    return Evidence(**arrays, source_labels=file["source_labels"][:rows])


def scored(path):
    """Returns the candidates of a run; scores that are not kept beside it yet are added."""
    kept_path = path.with_suffix(".json")
    kept = json.loads(kept_path.read_text("utf-8")) if kept_path.exists() else {}
    with np.load(path) as loaded:
        accuracies = loaded["accuracy"]
        missing = [name for name in VALIDATORS if name not in kept.get("scores", {})]
        file = dict(loaded) if missing else {}
    if missing:
        looks = [evidence(file, index) for index in range(len(accuracies))]
        collapsed = [list(collapse(look.target_logits, look.target_features)) for look in looks]
        new = {name: [_finite(name, look) for look in looks] for name in missing}
        kept = {"collapsed": collapsed, "scores": {**kept.get("scores", {}), **new}}
        write_json(kept_path, kept)
    return [
        Candidate(
            path.stem, index, float(accuracy), kept["collapsed"][index],
            {name: -np.inf if values[index] is None else values[index] for name, values in kept["scores"].items()},
        )
        for index, accuracy in enumerate(accuracies)
    ]  # fmt: skip


def _finite(name, look):
    """Returns the score, or None for a model that diverged."""
    if not all(np.isfinite(value).all() for value in vars(look).values() if isinstance(value, np.ndarray)):
        return None
    return score(name, look)


def figures(pool, name):
    """Returns rank correlation, regret, and whether the choice without a veto had collapsed, of one validator."""
    best = max(candidate.accuracy for candidate in pool)
    finite = [candidate for candidate in pool if np.isfinite(candidate.scores[name])]
    values, accuracies = zip(*((each.scores[name], each.accuracy) for each in finite), strict=True)
    choice = max((each for each in finite if not each.collapsed), key=lambda each: each.scores[name])
    blind = max(finite, key=lambda each: each.scores[name])
    return spearmanr(values, accuracies).statistic, best - choice.accuracy, bool(blind.collapsed)


def taken(pool, wanted):
    """Returns the mean regret of the last checkpoints of the runs whose name starts with one of `wanted`."""
    best, last = max(each.accuracy for each in pool), max(each.checkpoint for each in pool)
    accuracies = [each.accuracy for each in pool if each.checkpoint == last and each.run.startswith(wanted)]
    return best - statistics.mean(accuracies)


def table(pools):
    """Returns the Markdown of `{pair: candidates}`."""
    header = ["chosen by", "mean regret", "worst", "rank correlation", "vetoed", *pools]
    rows = []
    for name in VALIDATORS:
        correlations, regrets, vetoed = zip(*(figures(pool, name) for pool in pools.values()), strict=True)
        rows.append([name, regrets, f"{statistics.mean(correlations):+.2f}", str(sum(vetoed))])
    own_weight = tuple(f"{method}_1_" for method in METHODS)
    for name, wanted in {"last epoch of any method": own_weight, "last epoch of source only": ("source",)}.items():
        rows.append([name, [taken(pool, wanted) for pool in pools.values()], "", ""])
    lines = [header, ["---"] * len(header)]
    for name, regrets, *cells in sorted(rows, key=lambda row: statistics.mean(row[1])):
        percent = [f"{100 * regret:.1f}" for regret in (statistics.mean(regrets), max(regrets), *regrets)]
        lines.append([name, *percent[:2], *cells, *percent[2:]])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main():
    """Scores what is missing and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pool", type=Path, required=True, help="folder that pool.py wrote")
    parser.add_argument("--results", type=Path, help="Markdown file to write (default: choosing.md in --pool)")
    flags = parser.parse_args()
    pools = {}
    for folder in sorted(path for path in flags.pool.iterdir() if path.is_dir()):
        paths = sorted(path for path in folder.glob("*.npz") if not path.name.endswith(".new.npz"))
        pools[folder.name] = [candidate for path in paths for candidate in scored(path)]
        print(f"{folder.name}: {len(paths)} runs", flush=True)
    counts = ", ".join(f"{len(pool)} in {pair}" for pair, pool in pools.items())
    facts = ", ".join(f"{key} {value}" for key, value in versions().items())
    text = f"""# Choosing among trained models without target labels

Regret: the best target accuracy in the pool less that of the choice, in points. Rank correlation: Spearman's, of the
score with target accuracy, mean over the pairs. *Vetoed*: in how many pairs the highest score was that of a model which
the collapse detector forbids. *Last epoch of any method*: the mean of the methods at their own weight.

{table(pools)}

Candidates: {counts}.

`python recipes/benchmarks/choosing.py --pool POOL`, commit {commit()}; {facts}.
"""
    (flags.results or flags.pool / "choosing.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
