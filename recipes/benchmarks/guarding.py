"""How often the guard keeps what helps and refuses what harms.

    python recipes/benchmarks/pool.py --features FEATURES --data DIR --out POOL
    python recipes/benchmarks/guarding.py --pool POOL

The last checkpoint of every run of the pool is held against source only of the same pair and seed. A run is harmful
where it lost more than 2 points of target accuracy, helpful where it gained more than 5; what lies between counts for
nothing. The price of a change in `tlkeras.validators.guard` was set on the digits and reviews, the photographs judge
it. What the guard looks at, and its mercy on a weak source only, was settled when seed 0 of all pairs had been seen.
"""

import argparse
import dataclasses
import sys
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

sys.path.insert(0, str(Path(__file__).parents[2]))
from recipes.benchmarks.choosing import evidence  # noqa: E402
from recipes.benchmarks.methods import commit  # noqa: E402
from tlkeras.report import versions  # noqa: E402
from tlkeras.validators import guard  # noqa: E402

HARMFUL, HELPFUL, ROWS = -0.02, 0.05, 1000
SUITES = {"digits and reviews (thresholds set here)": ("glyphs", "amazon"), "PACS (judged here)": ("pacs",)}


def judged(folder):
    """Returns `{run: (gain in target accuracy, Verdict)}` of one pair."""
    files = {path.stem: dict(np.load(path)) for path in sorted(folder.glob("*.npz")) if ".new" not in path.name}
    found = {}
    for name, file in files.items():
        source_only = files.get(f"source_0_{name.split('_')[-1]}")
        if not name.startswith("source") and source_only:
            gain = file["accuracy"][-1] - source_only["accuracy"][-1]
            found[name] = float(gain), guard(seen(file), seen(source_only))
    return found


def seen(file):
    """Returns the evidence of the last checkpoint; without features of the source no distance is measured."""
    return dataclasses.replace(evidence(file, -1, ROWS), source_features=None)


def counted(verdicts):
    """Returns the cells `harmful`, `refused`, `helpful`, `kept` of some `(gain, Verdict)`."""
    harmful = [verdict.trusted for gain, verdict in verdicts if gain < HARMFUL]
    helpful = [verdict.trusted for gain, verdict in verdicts if gain > HELPFUL]
    return [
        str(len(harmful)), _share(len(harmful) - sum(harmful), len(harmful)),
        str(len(helpful)), _share(sum(helpful), len(helpful)),
    ]  # fmt: skip


def _share(count, total):
    if not total:
        return "–"
    low, high = binomtest(count, total).proportion_ci(method="exact")
    return f"{count} of {total}, {100 * count / total:.0f} % ({100 * low:.0f} to {100 * high:.0f})"


def table(pairs):
    """Returns the Markdown of `{pair: {run: (gain, Verdict)}}`."""
    lines = ["| | lost > 2 points | refused | gained > 5 points | kept |", "| --- | --- | --- | --- | --- |"]
    for title, suites in SUITES.items():
        of_suite = {pair: found for pair, found in pairs.items() if pair.startswith(suites)}
        everything = [verdict for found in of_suite.values() for verdict in found.values()]
        for name, verdicts in {title: everything, **{pair: found.values() for pair, found in of_suite.items()}}.items():
            lines.append("| " + " | ".join([name, *counted(list(verdicts))]) + " |")
    return "\n".join(lines)


def mistakes(pairs):
    """Yields a line for each run that the guard judged wrongly."""
    for pair, found in pairs.items():
        for name, (gain, verdict) in found.items():
            if (gain < HARMFUL and verdict.trusted) or (gain > HELPFUL and not verdict.trusted):
                yield f"- {pair}, {name}: {100 * gain:+.1f}. {verdict.reasons[0]}"


def main():
    """Judges the pool and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pool", type=Path, required=True, help="folder that pool.py wrote")
    parser.add_argument("--results", type=Path, help="Markdown file to write (default: guarding.md in --pool)")
    flags = parser.parse_args()
    pairs = {folder.name: judged(folder) for folder in sorted(flags.pool.iterdir()) if folder.is_dir()}
    facts = ", ".join(f"{key} {value}" for key, value in versions().items())
    text = f"""# The guard against negative transfer

Runs of [`pool.py`](pool.py), last epoch, each held against source only of its pair and seed: methods at a third of
their weight, at it, and at ten times of it, and a pair whose target has other class shares. In brackets the exact
binomial 95 % interval. What the guard looks at was settled when seed 0 of all pairs had been seen; the price of a
change was set on the digits and reviews alone.

{table(pairs)}

Judged wrongly, with the gain in points:

{chr(10).join(mistakes(pairs)) or "none"}

`python recipes/benchmarks/guarding.py --pool POOL`, commit {commit()}; {facts}.
"""
    results = flags.results or flags.pool / "guarding.md"
    results.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
