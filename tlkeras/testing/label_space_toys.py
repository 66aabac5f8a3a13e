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


def missing_classes(rows=600, seed=0):
    """Four clusters on a circle, and two neighbours of them moved towards the others, where the classes are absent.

    To bring all features together would spread the two target classes over all four.

    Args:
        rows: Rows of each domain.
        seed: Integer.

    Returns:
        `(source, source_labels, target, target_labels)`, inputs float32 `(rows, 2)`, source labels 0 to 3, target
        labels 0 or 1.

    Example:
        >>> sorted(set(missing_classes(rows=100)[3].tolist()))
        [0, 1]
    """
    centres = 2.0 * _circle(4)
    return _first_two(centres, centres - 0.6, 0.6, rows, seed)


def drawn_in_classes(rows=600, seed=0):
    """Six clusters on a circle, and two neighbours of them at half the distance from its centre.

    A target as in `missing_classes`, with more classes that it lacks, and rows that are not far from their source's.

    Args:
        rows: Rows of each domain.
        seed: Integer.

    Returns:
        `(source, source_labels, target, target_labels)`, inputs float32 `(rows, 2)`, source labels 0 to 5, target
        labels 0 or 1.

    Example:
        >>> sorted(set(drawn_in_classes(rows=100)[3].tolist()))
        [0, 1]
    """
    centres = 3.0 * _circle(6)
    return _first_two(centres, 0.5 * centres, 0.5, rows, seed)


def unknown_class(rows=800, shift=0.5, seed=0):
    """Three clusters on a circle, and the same moved, with a fourth one far out that the source does not have.

    A classifier of the three is as sure of the fourth as of the others.

    Args:
        rows: Rows of each domain.
        shift: How far the target is moved along both axes.
        seed: Integer.

    Returns:
        `(source, source_labels, target, target_labels)`, inputs float32 `(rows, 2)`, source labels 0 to 2, target
        labels 0 to 3.

    Example:
        >>> sorted(set(unknown_class(rows=100)[3].tolist()))
        [0, 1, 2, 3]
    """
    random = np.random.default_rng(seed)
    labels, other = random.integers(0, 3, rows), random.integers(0, 4, rows)
    centres = np.concatenate([2.0 * _circle(3), [[-5.0, 0.0]]])
    source = centres[labels] + random.normal(0, 0.3, (rows, 2))
    target = centres[other] + random.normal(0, 0.3, (rows, 2)) + shift * (other[:, None] < 3)
    return source.astype("float32"), labels, target.astype("float32"), other


def _circle(count):
    turns = 2 * np.pi * np.arange(count) / count
    return np.stack([np.cos(turns), np.sin(turns)], axis=1)


def _first_two(centres, moved, spread, rows, seed):
    random = np.random.default_rng(seed)
    labels, other = random.integers(0, len(centres), rows), random.integers(0, 2, rows)
    source, target = (of + random.normal(0, spread, (rows, 2)) for of in (centres[labels], moved[other]))
    return source.astype("float32"), labels, target.astype("float32"), other
