"""Which samples set the ranges of an int8 file: as many of every predicted class as there are."""

import numpy as np

COUNT = 100  # samples; the converter's ranges hardly move beyond


def representative_rows(answers: np.ndarray, *, count: int = COUNT, seed: int = 0) -> np.ndarray:
    """Draw rows that are balanced over the predicted classes; the others are left to verify the file.

    The classes take turns, each in random order, until `count` rows are drawn or one half of all.

    Args:
        answers: The model's outputs `(n >= 2, ..., classes)`; of several answers a sample their mean counts.
        count: How many rows, >= 1.
        seed: Of the draw.

    Returns:
        Sorted integer array of at least one and at most `n // 2` rows.

    Raises:
        ValueError: If there are fewer than two rows or `count` is below 1.

    Example:
        >>> representative_rows(np.eye(2)[[0, 0, 0, 0, 0, 0, 0, 1]], count=2).tolist()[-1]  # one row is of class 1
        7
    """
    answers = np.asarray(answers)
    if len(answers) < 2 or count < 1:
        raise ValueError(f"`answers` must have two rows and `count` be >= 1. Received: {len(answers)} rows, {count}")
    predicted = answers.mean(axis=tuple(range(1, answers.ndim - 1))).argmax(-1)
    order = np.random.default_rng(seed).permutation(len(answers))
    turn = np.empty(len(answers), int)  # the first of each class, the second of each class, ...
    for label in np.unique(predicted):
        members = order[predicted[order] == label]
        turn[members] = np.arange(len(members))
    return np.sort(order[np.argsort(turn[order], kind="stable")][: min(count, len(answers) // 2)])
