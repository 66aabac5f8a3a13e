"""Label propagation: what the neighbours among the features say of predictions.

Zhou, Bousquet, Lal, Weston, Schölkopf: Learning with Local and Global Consistency, NeurIPS 2003,
https://proceedings.neurips.cc/paper/2003/hash/87682805257e619d49b8e0dfdc14affa-Abstract.html
"""

import numpy as np
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize, scale

NEIGHBOURS, WIDTH, ALPHA, ROUNDS = 10, 0.1, 0.8, 20


def graph(features):
    """Returns the symmetric, normalised weights of the nearest neighbours by angle, `(rows, rows)` and sparse.

    Args:
        features: `(rows, dimensions)`, more than ten rows.
    """
    rows = normalize(scale(features.astype("float64")))
    near = NearestNeighbors(n_neighbors=NEIGHBOURS, metric="cosine").fit(rows).kneighbors_graph(mode="distance")
    near.data = np.exp(-near.data / WIDTH)
    near = near.maximum(near.T)
    root = np.sqrt(np.asarray(near.sum(axis=1)).ravel())
    return near.multiply(1 / root[:, None]).multiply(1 / root[None]).tocsr()


def spread_over(near, probabilities):
    """Returns the probabilities after label propagation, `(rows, classes)`.

    Args:
        near: What `graph` returned.
        probabilities: `(rows, classes)`.
    """
    found = probabilities
    for _ in range(ROUNDS):
        found = ALPHA * (near @ found) + (1 - ALPHA) * probabilities
    return found / found.sum(axis=1, keepdims=True)
