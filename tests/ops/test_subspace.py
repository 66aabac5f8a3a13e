import keras
import numpy as np
import pytest

from tlkeras.ops import damped_eigenvectors, subspace_distance

RNG = np.random.default_rng(0)


def tensor(array):
    return keras.ops.convert_to_tensor(array, "float32")


def papers(source, target, bases):
    """The formulas of the paper from singular value decompositions."""
    ours, theirs = (np.linalg.svd(x.T)[0][:, :bases] for x in (source, target))
    p, cosines, q = np.linalg.svd(ours.T @ theirs)
    return np.sqrt(np.maximum(1 - cosines**2, 0)).sum(), ((np.abs(p) - np.abs(q.T)) ** 2).sum()


@pytest.mark.parametrize(("rows", "features", "bases"), [((10, 12), 6, 3), ((5, 4), 20, 4), ((30, 30), 8, 4)])
def test_it_is_the_papers(rows, features, bases):
    source, target = (RNG.normal(size=(count, features)) for count in rows)
    found = [float(value) for value in subspace_distance(tensor(source), tensor(target), bases)]
    np.testing.assert_allclose(found, papers(source, target, bases), rtol=1e-3)
    scaled = [float(value) for value in subspace_distance(tensor(7 * source), tensor(target / 3), bases)]
    np.testing.assert_allclose(scaled, found, rtol=1e-3)


def test_equal_rows_have_no_distance():
    x = tensor(RNG.normal(size=(6, 10)))
    assert [float(value) for value in subspace_distance(x, 2 * x, 3)] == pytest.approx([0, 0], abs=1e-3)


def test_a_direction_that_is_not_spanned_counts_one_half():
    one, two = np.eye(4)[:1], np.eye(4)[:2] * [[2.0], [1.0]]
    assert float(subspace_distance(tensor(one), tensor(two), 2)[0]) == pytest.approx(0.5, abs=1e-5)


def test_features_that_are_nan_give_nan():
    x = RNG.normal(size=(6, 10))
    assert np.isnan([float(value) for value in subspace_distance(tensor(x * np.nan), tensor(x), 3)]).all()


def test_eigenvectors_are_those_of_the_matrix():
    half = RNG.normal(size=(5, 5))
    values, vectors = damped_eigenvectors(tensor(half + half.T))
    values, vectors = keras.ops.convert_to_numpy(values), keras.ops.convert_to_numpy(vectors)
    np.testing.assert_allclose((half + half.T) @ vectors, vectors * values, atol=1e-4)


def test_subspaces_at_right_angles_have_no_pairs_that_could_mismatch():
    x = np.eye(6) * [6, 5, 4, 3, 2, 1]
    found = [float(value) for value in subspace_distance(tensor(x[:2]), tensor(x[3:5]), 2)]
    assert found == pytest.approx([2.0, 0.0], abs=1e-5)
