"""Rows for validators out of models that answer for every position: the tokens of a text, the pixels of an image."""

import numpy as np

MOST = 5000  # positions that are looked at, drawn once; some validators compare all rows with all


def rows_of_positions(logits, features=None, labels=None):
    """Returns logits, features and labels with a row for each position; what has one row an input stays as it is.

    Padding does not count: positions whose logits are all 0, which `tlkeras.surgery.token_classifier` gives it, and
    those labelled below 0. Of more than 5000 positions as many are drawn, the same ones for the same inputs.

    Args:
        logits: Array `(rows, classes)`, or `(rows, ..., classes)`.
        features: Array `(rows, ...)`, or None. Kept where there is a vector for each position, or for each cell of a
            coarser map, which holds for the positions in it.
        labels: Array `(rows,)` or `(rows, ...)` like the logits, or None.

    Returns:
        `(logits, features, labels)`: `(n, classes)`, `(n, width)` or None, `(n,)` or None.

    Raises:
        ValueError: If the labels are not those of the positions, or all is padding.

    Example:
        >>> logits, _, labels = rows_of_positions(np.eye(3)[None], labels=np.array([[0, 2, -1]]))
        >>> logits.shape, labels.tolist()
        ((2, 3), [0, 2])
    """
    if logits.ndim == 2:
        return logits, None if features is None else features.reshape(len(features), -1), labels
    places = logits.shape[:-1]
    if labels is not None and np.shape(labels) != places:
        raise ValueError(
            f"Labels must be those of the positions of the logits, {places}. Received: shape={np.shape(labels)}"
        )
    real = (logits != 0).any(axis=-1)  # NaN counts, so that a training that diverged shows
    if labels is not None:
        real &= np.asarray(labels) >= 0
    chosen = np.flatnonzero(real)
    if not chosen.size:
        raise ValueError(f"There must be a position that is no padding. Received: none in logits {logits.shape}")
    if chosen.size > MOST:
        chosen = np.sort(np.random.default_rng(0).choice(chosen, MOST, replace=False))
    if features is not None:
        features = _at(features, chosen, places) if features.ndim == logits.ndim else None
    flat = logits.reshape(-1, logits.shape[-1])[chosen]
    return flat, features, None if labels is None else np.asarray(labels).reshape(-1)[chosen]


def _at(features, chosen, places):
    row, *position = np.unravel_index(chosen, places)
    cells = [index * own // size for index, own, size in zip(position, features.shape[1:-1], places[1:], strict=True)]
    return features[(row, *cells)]
