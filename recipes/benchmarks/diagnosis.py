"""What `tlkeras diagnose` says of domains whose difference is known: the table behind its thresholds.

    python recipes/benchmarks/pacs_features.py --data DIR --out FEATURES
    python recipes/benchmarks/diagnosis.py --features FEATURES --office DIR/features --results diagnosis.md

Of each domain, unless it is small, a random half as source, and of the other half as target: all; class shares from
10 to 1, falling over the classes; the first half of the classes only. Then all pairs of different domains. Digits
rendered from fonts and written by hand, by the glyphs backbone; FEATURES, PACS by a frozen MobileNetV2 0.35; and
Office-Caltech, a folder of `*_SURF_L10.mat`. The target's labels only score.
"""

import argparse
import collections
import itertools
import statistics
import sys
from pathlib import Path

import numpy as np
from scipy.io import loadmat
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

sys.path.insert(0, str(Path(__file__).parents[2]))
from recipes.benchmarks.label_shift import thinned  # noqa: E402
from recipes.benchmarks.suites import PACS  # noqa: E402
from recipes.common.digit_tasks import fonts_to_uci  # noqa: E402
from tlkeras import ops  # noqa: E402
from tlkeras.report import versions  # noqa: E402
from tlkeras.transferability import diagnose  # noqa: E402
from tlkeras.validators.a_distance import STRENGTH  # noqa: E402

OFFICE = {"amazon": "amazon", "webcam": "webcam", "dslr": "dslr", "caltech": "Caltech10"}
RENDERED = 2000  # digits
LARGE = 300  # rows; of smaller domains half of the classes of a half are too few to diagnose
HALVES = ("half of itself", "half, other shares", "half, half of the classes")
FIGURES = {
    "AUC": 3, "A-distance": 2, "p of MMD": 3, "moved": 2, "estimated": 2, "by chance": 2, "AUC left": 3, "held out": 1,
    "target": 1, "corrected": 1,
}  # fmt: skip


def domains_of(features, office):
    """Returns `{collection: {domain: (features, labels)}}`."""
    task = fonts_to_uci(RENDERED, seed=0)
    run = task.backbone(False).predict
    rendered, written = ((run(images, verbose=0), labels) for images, labels in (task.source, task.scored))
    found = {"digits": {"rendered": rendered, "written": written}, "PACS": {}, "Office-Caltech": {}}
    for name in PACS:
        with np.load(features / f"{name}.npz") as file:
            found["PACS"][name] = file["features"], file["labels"]
    for name, file in OFFICE.items() if office else ():
        matrix = loadmat(office / f"{file}_SURF_L10.mat")
        found["Office-Caltech"][name] = matrix["fts"].astype("float32"), matrix["labels"].ravel().astype(int) - 1
    return found


def tasks(domains, seed):
    """Yields `(source, target, (features, labels), (features, labels))`."""
    for name, (features, labels) in domains.items():
        if len(labels) < LARGE:
            continue
        random = np.random.default_rng(seed)
        rows = random.permutation(len(labels))
        source, other = np.array_split(rows, 2)
        few = other[labels[other] < (labels.max() + 1) // 2]
        for kind, target in zip(HALVES, (other, other[thinned(labels[other], "falling", random)], few), strict=True):
            yield name, kind, (features[source], labels[source]), (features[target], labels[target])
    for source, target in itertools.permutations(domains, 2):
        yield source, target, domains[source], domains[target]


def figures(source, target, seed):
    """Returns the advice and a dict of figures, accuracies and shares in percent among them."""
    found = diagnose(*source, target[0], seed=seed)
    classes = int(source[1].max()) + 1
    priors = [np.bincount(labels, minlength=classes) / len(labels) for _, labels in (source, target)]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=1000)).fit(*source)
    probabilities = model.predict_proba(target[0])
    values = [
        found.distance.auc.value, found.distance.proxy_a_distance, found.distance.mmd.p_value,
        np.abs(priors[0] - priors[1]).sum() / 2, *[None] * 4, _accuracy(probabilities, target[1]), None,
    ]  # fmt: skip
    if found.shares is not None:
        left = None if found.matched is None else found.matched.auc.value
        values[4:8] = found.shares.total_variation, found.shares.chance, left, 100 * found.shares.accuracy
        mixed = 0.99 * found.shares.mlls + 0.01 * priors[0]
        values[9] = _accuracy(ops.prior_corrected(probabilities, priors[0], mixed), target[1])
    return found.advice.family, dict(zip(FIGURES, values, strict=True))


def _accuracy(probabilities, labels):
    return 100 * float(np.mean(probabilities.argmax(axis=1) == labels))


def table(runs):
    """Returns the Markdown of `{(source, target): [(rows, advice, figures) a seed]}`."""
    lines = ["| source | target | rows | " + " | ".join(FIGURES) + " | first to try |"]
    lines.append("|" + " --- |" * (len(FIGURES) + 4))
    for (source, target), found in runs.items():
        advice = collections.Counter(family for _, family, _ in found).most_common()
        cells = [_mean([run[key] for *_, run in found], digits) for key, digits in FIGURES.items()]
        said = ", ".join(f"{family} {count}" if len(advice) > 1 else family for family, count in advice)
        lines.append(f"| {source} | {target} | {found[0][0]} | {' | '.join(cells)} | {said} |")
    return "\n".join(lines)


def _mean(values, digits):
    there = [value for value in values if value is not None]
    return f"{statistics.mean(there):.{digits}f}" if there else "–"


def main():
    """Prints the table, and writes it where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--features", type=Path, required=True, help="folder that pacs_features.py wrote")
    parser.add_argument("--office", type=Path, help="folder of *_SURF_L10.mat (default: without Office-Caltech)")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0 .. SEEDS-1: halves and draws (default: 3)")
    parser.add_argument("--results", type=Path, help="Markdown file to write")
    flags = parser.parse_args()
    runs = collections.defaultdict(list)
    for domains, seed in itertools.product(domains_of(flags.features, flags.office).values(), range(flags.seeds)):
        for name, kind, source, target in tasks(domains, seed):
            advice, found = figures(source, target, seed)
            runs[name, kind].append((f"{len(source[1])}, {len(target[1])}", advice, found))
            print(
                f"{name} > {kind}, seed {seed}: {advice}", {key: found[key] for key in ("AUC", "AUC left")}, flush=True
            )
    text = f"""# Diagnosis before training

What `tlkeras diagnose` says where the difference is known. The upper rows of a collection are halves of one domain:
nothing differs, or the shares of the classes alone, or classes are absent. *Moved*: total variation between the class
shares of source and target, truly, as estimated by MLLS, and what the estimate reaches by chance; *AUC left*: of the
domain classifier after source rows were drawn in the shares found. Accuracy in percent of a logistic regression on the
source: held-out source rows, the target, and the target after the prior correction. Mean over {flags.seeds} seeds;
where the advice differs between them, the count.

{table(runs)}

`python recipes/benchmarks/diagnosis.py --features FEATURES{" --office DIR" if flags.office else ""} \
--seeds {flags.seeds}`; {", ".join(f"{key} {value}" for key, value in versions().items())}.
"""
    print(text)
    if flags.results:
        flags.results.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
