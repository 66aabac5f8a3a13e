"""Pairs of domains that differ in which rows or which classes they hold."""

import numpy as np


def covariate_shift(rows=600, seed=0):
    """Two classes that no line tells apart in the source, and a part of the same plane, the target, where one does.

    Class 1 is the middle of the first axis, from -1 to 1. The source lies on both sides of it, the target around 1. The
    second axis is noise.

    Args:
        rows: Rows of each domain.
        seed: Integer.

    Returns:
        `(source, source_labels, target, target_labels)`, inputs float32 `(rows, 2)`, labels 0 or 1, for
        `toy_accuracy(..., activation="linear")`.

    Example:
        >>> covariate_shift(rows=10)[0].shape
        (10, 2)
    """
    random = np.random.default_rng(seed)
    source, target = (
        np.stack([first, random.normal(size=rows)], axis=1).astype("float32")
        for first in (random.uniform(-3, 3, rows), random.normal(1, 0.4, rows))
    )
    return source, (abs(source[:, 0]) < 1).astype(int), target, (abs(target[:, 0]) < 1).astype(int)
