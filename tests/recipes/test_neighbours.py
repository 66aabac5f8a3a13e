import numpy as np
import pytest
from sklearn.semi_supervised import LabelSpreading

from recipes.common import neighbours
from recipes.common.neighbours import graph, spread_over


@pytest.fixture
def clusters():
    """Two directions of 30 rows each."""
    draw = np.random.default_rng(0)
    centres = np.repeat([[5.0, 0, 0], [0, 5, 0]], 30, axis=0)
    return centres + draw.normal(0, 1, centres.shape), np.repeat([0, 1], 30)


def test_the_graph_is_symmetric_and_normalised(clusters):
    near = graph(clusters[0])
    assert near.shape == (60, 60) and abs(near - near.T).max() < 1e-12
    assert np.linalg.eigvalsh(near.toarray()).max() == pytest.approx(1)
    assert near.diagonal().max() == 0 and (near.getnnz(axis=1) >= 10).all()


def test_neighbours_correct_an_answer_and_the_sum_is_one(clusters):
    features, labels = clusters
    probabilities = np.eye(2)[labels] * 0.6 + 0.2
    probabilities[3] = [0.4, 0.6]
    found = spread_over(graph(features), probabilities)
    assert (found.argmax(axis=1) == labels).all() and np.allclose(found.sum(axis=1), 1)


def test_it_is_the_propagation_of_scikit_learn(clusters, monkeypatch):
    """Its kernel is given our graph's weights; it iterates F = alpha S F + (1 - alpha) Y too."""
    monkeypatch.setattr(neighbours, "ROUNDS", 400)
    features, labels = clusters
    known = np.where(np.arange(60) % 10 == 0, labels, -1)
    seeds = np.zeros((60, 2))
    seeds[known >= 0] = np.eye(2)[known[known >= 0]]
    near = graph(features)

    class Ours(LabelSpreading):
        def _build_graph(self):
            return near

    theirs = Ours(alpha=neighbours.ALPHA, max_iter=1000, tol=1e-12).fit(features, known).label_distributions_
    assert np.allclose(spread_over(near, seeds), theirs, atol=1e-8)
