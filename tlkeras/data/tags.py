"""Tags of the words of sentences as an array of labels."""

import warnings

import numpy as np

IGNORED = -1


def tag_labels(tokens, tags, names, *, length) -> np.ndarray:
    """Returns the labels of the words of sentences, -1 behind the last one.

    Words beyond `length` are cut off, with a warning. An empty sentence has no label and is allowed.

    Args:
        tokens: A list of words for each sentence.
        tags: A list of tags for each sentence, one for each word.
        names: The tags in the order of their labels.
        length: Words of a sentence that are looked at, >= 1.

    Returns:
        Array `(sentences, length)` of int32, in `-1..len(names) - 1`.

    Raises:
        ValueError: If a sentence has more or fewer tags than words, or one that is none of `names`; the row is named.

    Warns:
        UserWarning: If sentences are longer than `length`.

    Example:
        >>> tag_labels([["Ann", "left"], ["rain"]], [["B-PER", "O"], ["O"]], ["O", "B-PER"], length=3).tolist()
        [[1, 0, -1], [0, -1, -1]]
    """
    if isinstance(length, bool) or not isinstance(length, int) or length < 1:
        raise ValueError(f"`length` must be an integer >= 1. Received: length={length!r}")
    if len(tokens) != len(tags):
        raise ValueError(
            f"`tags` must hold a list for each sentence. Received: {len(tokens)} sentences, {len(tags)} lists of tags"
        )
    numbers = {name: index for index, name in enumerate(names)}
    labels = np.full((len(tokens), length), IGNORED, "int32")
    for row, (words, marks) in enumerate(zip(tokens, tags, strict=True)):
        if len(words) != len(marks) or isinstance(words, str):
            raise ValueError(
                "`tags` must hold one tag for each word of a list of words. "
                f"Received: {len(words)} words and {len(marks)} tags in row {row}: {words!r}, {marks!r}"
            )
        unknown = [mark for mark in marks if mark not in numbers]
        if unknown:
            raise ValueError(f"`tags` must be of {list(names)}. Received: {unknown[0]!r} in row {row}: {words!r}")
        labels[row, : len(marks)] = [numbers[mark] for mark in marks[:length]]
    cut = [row for row, words in enumerate(tokens) if len(words) > length]
    if cut:
        warnings.warn(
            f"{len(cut)} of {len(tokens)} sentences have more than length={length} words and are cut off there, the "
            f"first in row {cut[0]} with {len(tokens[cut[0]])}",
            stacklevel=2,
        )
    return labels
