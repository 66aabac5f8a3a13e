"""Rows of the source that no model is trained on, for what is judged by its error on the source."""

import numpy as np

SHARE = 0.2


def held_out(source, problem):
    """Splits the source where the problem asks for it, the same rows in every run.

    Args:
        source: `(inputs, labels)`, arrays.
        problem: `recipes.common.problems.Problem`.

    Returns:
        `(trained, held out)`, each `(inputs, labels)`; the second is None where nothing is held out.
    """
    if not problem.hold_out:
        return source, None
    inputs, labels = source[0], np.asarray(source[1])
    trained, held = divided(len(labels))
    return (inputs[trained], labels[trained]), (inputs[held], labels[held])


def divided(count):
    """Returns the numbers of the rows that train and of those that are held out."""
    return np.split(np.random.default_rng(0).permutation(count), [round((1 - SHARE) * count)])
