"""Which rows train and which rows test, with every class in every part."""

import numpy as np


def stratified_split(labels, fractions, seed=0, *, class_names=None):
    """Splits rows into parts so that every class is in every part, in the given proportions.

    Each class is shuffled by `(seed, class)` and cut; a part gets at least one row of each class. Unlike scikit-learn's
    `StratifiedShuffleSplit`, which leaves rare classes out of small parts, and names no class when it refuses.
    For one seed, the first part of a smaller first fraction is contained in that of a larger.

    Args:
        labels: Integer labels `(rows,)`.
        fractions: Positive numbers that sum to 1, one for each part, such as `(0.8, 0.2)`.
        seed: Integer >= 0.
        class_names: Names of the classes for errors.

    Returns:
        Tuple of int64 arrays of rows, ascending; together they hold every row once.

    Raises:
        ValueError: If a class has fewer rows than there are parts, or an argument is out of range.

    Example:
        >>> train, test = stratified_split([0] * 8 + [1] * 4, (0.75, 0.25))
        >>> len(train), len(test)
        (9, 3)
    """
    fractions = tuple(fractions)
    if not fractions or min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-6:
        raise ValueError(f"`fractions` must be positive and sum to 1. Received: fractions={fractions}")
    parts = [[] for _ in fractions]
    for label, rows in _shuffled_classes(labels, seed):
        if len(rows) < len(fractions):
            raise ValueError(
                f"A split into {len(fractions)} parts needs at least {len(fractions)} rows of every class. "
                f"Received: {len(rows)} of class {_name(label, class_names)}"
            )
        for part, own in zip(parts, np.split(rows, _cuts(len(rows), fractions)), strict=True):
            part.append(own)
    return tuple(np.sort(np.concatenate(part)) for part in parts)


def few_per_class(labels, n, seed=0, *, class_names=None):
    """Picks `n` rows of each class, for curves of accuracy over the number of labels.

    For one seed the rows of a smaller `n` are among those of a larger.

    Args:
        labels: Integer labels `(rows,)`.
        n: Rows of each class, >= 1.
        seed: Integer >= 0.
        class_names: Names of the classes for errors.

    Returns:
        int64 array of rows, ascending.

    Raises:
        ValueError: If a class has fewer than `n` rows, or an argument is out of range.

    Example:
        >>> len(few_per_class([0, 0, 0, 1, 1], 2))
        4
    """
    if n < 1:
        raise ValueError(f"`n` must be >= 1. Received: n={n}")
    chosen = []
    for label, rows in _shuffled_classes(labels, seed):
        if len(rows) < n:
            raise ValueError(
                f"`n` must not exceed the rows of any class. "
                f"Received: n={n}, and {len(rows)} rows of class {_name(label, class_names)}"
            )
        chosen.append(rows[:n])
    return np.sort(np.concatenate(chosen))


def class_weights(labels, num_classes=None):
    """Weighs each class by the inverse of its share, so that rare classes count as much as frequent ones.

    `rows / (classes * rows of the class)`: 1 for every class when they are balanced, and 1 on average over the rows.

    Args:
        labels: Integer labels `(rows,)`.
        num_classes: Number of classes; by default the largest label plus 1.

    Returns:
        `{label: weight}`, as `fit(class_weight=...)` takes it.

    Raises:
        ValueError: If a class has no row, or labels are not integers in `0..num_classes - 1`.

    Example:
        >>> class_weights([0, 0, 0, 1])
        {0: 0.6666666666666666, 1: 2.0}
    """
    labels = _checked(labels)
    counts = np.bincount(labels, minlength=num_classes or 0)
    if len(counts) > (num_classes or len(counts)) or not counts.all():
        raise ValueError(
            f"Every class in 0..{(num_classes or len(counts)) - 1} must have a row, and no other. "
            f"Received: rows of each class {counts.tolist()}"
        )
    return {label: len(labels) / (len(counts) * int(count)) for label, count in enumerate(counts)}


def _shuffled_classes(labels, seed):
    labels = _checked(labels)
    for label in np.unique(labels).tolist():
        rows = np.flatnonzero(labels == label)
        yield label, np.random.default_rng([seed, label]).permutation(rows)


def _checked(labels):
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or not labels.size or labels.min() < 0:
        raise ValueError(
            "`labels` must be integers >= 0 of shape (rows,), at least one. "
            f"Received: shape={labels.shape}, dtype={labels.dtype}"
        )
    return labels


def _cuts(rows, fractions):
    """Returns where to cut: the rounded cumulative fractions, moved so that every part holds a row."""
    cuts = np.round(np.cumsum(fractions[:-1]) * rows).astype(int)
    for index in range(len(cuts)):
        cuts[index] = max(cuts[index], (cuts[index - 1] if index else 0) + 1)
        cuts[index] = min(cuts[index], rows - (len(cuts) - index))
    return cuts


def _name(label, class_names):
    return repr(class_names[label]) if class_names is not None else label
