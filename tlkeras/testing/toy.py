"""Small domains where training on the source alone fails."""

import numpy as np


def rotated_moons(rows=300, degrees=45.0, seed=0):
    """Two interleaving half circles, and the same turned around the origin.

    Args:
        rows: Rows of each domain.
        degrees: Rotation of the target.
        seed: Integer.

    Returns:
        `(source, source_labels, target, target_labels)`, inputs float32 `(rows, 2)`, labels 0 or 1.

    Example:
        >>> rotated_moons(rows=10)[0].shape
        (10, 2)
    """
    domains = []
    for angle, shift in ((0.0, 0), (np.deg2rad(degrees), 1)):
        random = np.random.default_rng([seed, shift])
        labels = np.arange(rows) % 2
        t = random.uniform(0, np.pi, rows)
        x = np.where(labels == 0, np.cos(t), 1 - np.cos(t)) - 0.5
        y = np.where(labels == 0, np.sin(t), 0.5 - np.sin(t)) - 0.25
        points = np.stack([x, y], axis=1) + random.normal(0, 0.1, (rows, 2))
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        domains += [(points @ turn).astype("float32"), labels]
    return tuple(domains)


def shifted_blobs(rows=400, seed=0):
    """Three well separated clusters, and the same moved and stretched so that the source's borders cut through them.

    Args:
        rows: Rows of each domain.
        seed: Integer.

    Returns:
        `(source, source_labels, target, target_labels)`, inputs float32 `(rows, 2)`, labels 0, 1 or 2.

    Example:
        >>> shifted_blobs(rows=10)[2].shape
        (10, 2)
    """
    random = np.random.default_rng(seed)
    centres = np.array([[-2.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
    labels, other = np.arange(rows) % 3, random.permutation(np.arange(rows) % 3)
    source = centres[labels] + random.normal(0, 0.3, (rows, 2))
    target = (centres[other] + random.normal(0, 0.3, (rows, 2))) * [1.0, 1.0] + [1.2, 0.6]
    return source.astype("float32"), labels, target.astype("float32"), other
