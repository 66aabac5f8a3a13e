"""The rows of two places: two csv files, or one table that is divided in two."""

import numpy as np
import scipy.special
import sklearn.datasets

from tlkeras.data import table

TABLES = {
    "breast_cancer": sklearn.datasets.load_breast_cancer,
    "diabetes": lambda: sklearn.datasets.load_diabetes(scaled=False),  # a number to predict
}
BY = {"breast_cancer": "mean texture", "diabetes": "age"}
LABEL = "label"
SHIFTS = ("covariate", "label")


def load_groups(flags, seed):
    """Returns `(source, target)`, two `tlkeras.data.Table`; the seed draws who is of which group.

    Args:
        flags: `recipes.common.table_flags.Flags`.
        seed: Integer.

    Raises:
        ValueError: If a file is no table, or the two do not go together.
    """
    types = dict(pair.split(":") for pair in flags.types.split(",") if pair)
    ignore = [name for name in flags.ignore.split(",") if name]
    if flags.source in TABLES:
        cells, label = _of_sklearn(flags.source), LABEL
        types = types if flags.source == "breast_cancer" else {**types, LABEL: "float"}
    else:
        cells, label = flags.source, flags.label
    whole = table(cells, label=label, types=types, ignore=ignore)
    if flags.prior != "none" and not whole.class_names:
        raise ValueError(f"`--prior` must be of classes. Received: --prior {flags.prior}, and labels that are numbers")
    if flags.target:
        return whole, table(flags.target, like=whole)
    if flags.shift == "label" and not whole.class_names:
        raise ValueError(f"`--shift label` must be of classes. Received: --source {flags.source}, labels are numbers")
    draw = np.random.default_rng(seed)
    chosen = _by_column(whole, flags, draw) if flags.shift == "covariate" else _by_class(whole, flags.strength, draw)
    classes = len(set(whole.labels[chosen[0]])) if whole.class_names else 0
    if not all(len(rows) for rows in chosen) or classes < len(whole.class_names):
        raise ValueError(
            "`--strength` must leave the source rows of every class, and the target some rows: take less of it. "
            f"Received: --strength {flags.strength}, {len(chosen[0])} and {len(chosen[1])} rows"
        )
    return tuple(whole.take(rows) for rows in chosen)


def _of_sklearn(name):
    found = TABLES[name]()
    columns = dict(zip(found.feature_names, found.data.T, strict=True))
    return {**columns, LABEL: found.target_names[found.target] if "target_names" in found else found.target}


def _by_column(whole, flags, draw):
    """Returns the rows of source and target: who has more of a column is likelier of the target."""
    wanted = flags.by or BY.get(flags.source, "")
    name = next((name for name, header in whole.headers.items() if wanted in (name, header)), None)
    numbers = [header for name, header in whole.headers.items() if whole.kinds[name] == "float"]
    if name is None or whole.kinds[name] != "float":
        raise ValueError(f"`--by` must be a column of numbers, one of {', '.join(numbers)}. Received: --by {wanted!r}")
    column = whole.columns[name].astype("float64")
    known = np.nan_to_num(column, nan=np.nanmedian(column))
    of_target = draw.random(len(column)) < scipy.special.expit(
        flags.strength * (known - known.mean()) / (known.std() or 1)
    )
    return np.flatnonzero(~of_target), np.flatnonzero(of_target)


def _by_class(whole, strength, draw):
    """Returns the rows of source and target: half of them, and of the others as many of each class as are wanted."""
    order = draw.permutation(len(whole))
    source, rest = np.split(order, [len(order) // 2])
    counts = np.bincount(whole.labels[rest], minlength=len(whole.class_names))
    shares = counts * np.exp(strength * np.linspace(-0.5, 0.5, len(counts)))
    kept = np.floor(shares * (counts[shares > 0] / shares[shares > 0]).min()).astype(int)
    rows = [rest[whole.labels[rest] == label][:count] for label, count in enumerate(kept)]
    return np.sort(source), np.sort(np.concatenate(rows))
