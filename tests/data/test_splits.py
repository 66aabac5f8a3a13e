import numpy as np
import pytest

from tlkeras.data import class_weights, few_per_class, stratified_split

LABELS = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [40, 10, 2]))


def test_parts_hold_every_row_once_in_proportion():
    parts = stratified_split(LABELS, (0.7, 0.3), seed=1)
    assert sorted(np.concatenate(parts)) == list(range(52))
    assert np.bincount(LABELS[parts[0]]).tolist() == [28, 7, 1] and np.bincount(LABELS[parts[1]]).tolist() == [12, 3, 1]
    for part in parts:
        assert (np.diff(part) > 0).all()


def test_rare_classes_are_in_every_part_whatever_the_fractions():
    for fractions in ((0.98, 0.01, 0.01), (0.01, 0.01, 0.98), (1 / 3, 1 / 3, 1 / 3)):
        for part in stratified_split([0] * 3 + [1] * 50, fractions):
            assert set((np.repeat([0, 1], [3, 50]))[part]) == {0, 1}


def test_the_seed_decides_and_parts_are_nested():
    first = [stratified_split(LABELS, (f, 1 - f), seed=3)[0] for f in (0.15, 0.3, 0.5)]
    assert set(first[0]) < set(first[1]) < set(first[2])
    [everything] = stratified_split(LABELS, (1.0,), seed=3)
    assert everything.tolist() == list(range(52))
    np.testing.assert_array_equal(first[1], stratified_split(LABELS, (0.3, 0.7), seed=3)[0])
    assert not np.array_equal(first[1], stratified_split(LABELS, (0.3, 0.7), seed=4)[0])


def test_a_class_with_too_few_rows_is_named():
    with pytest.raises(ValueError, match="at least 3 rows of every class. Received: 2 of class 'owl'"):
        stratified_split(LABELS, (0.8, 0.1, 0.1), class_names=["ant", "bee", "owl"])
    with pytest.raises(ValueError, match="Received: 1 of class 0"):
        stratified_split([0, 1, 1], (0.5, 0.5))
    with pytest.raises(ValueError, match="Received: n=3, and 2 rows of class 2"):
        few_per_class(LABELS, 3)


@pytest.mark.parametrize("fractions", [(), (0.5,), (1.2, -0.2), (0.5, 0.6)])
def test_fractions_that_are_none(fractions):
    with pytest.raises(ValueError, match="`fractions` must be positive and sum to 1. Received"):
        stratified_split(LABELS, fractions)


@pytest.mark.parametrize("labels", [[], [[0, 1]], [0.0, 1.0], [-1, 0], ["a", "b"]])
def test_labels_that_are_none(labels):
    for function in (lambda x: stratified_split(x, (1.0,)), lambda x: few_per_class(x, 1), class_weights):
        with pytest.raises(ValueError, match="`labels` must be integers >= 0"):
            function(labels)


def test_few_per_class_is_nested():
    small, large = (few_per_class(LABELS[LABELS < 2], n, seed=5) for n in (2, 5))
    assert set(small) < set(large)
    assert np.bincount(LABELS[LABELS < 2][large]).tolist() == [5, 5]
    assert set(large) != set(few_per_class(LABELS[LABELS < 2], 5, seed=6))
    with pytest.raises(ValueError, match="Received: n=0"):
        few_per_class(LABELS, 0)


def test_class_weights_are_those_of_scikit_learn():
    utils = pytest.importorskip("sklearn.utils")
    expected = utils.compute_class_weight("balanced", classes=np.arange(3), y=LABELS)
    np.testing.assert_allclose(list(class_weights(LABELS).values()), expected)
    assert list(class_weights(LABELS)) == [0, 1, 2]
    with pytest.raises(ValueError, match="Every class in 0..3 .*Received: rows of each class \\[40, 10, 2, 0\\]"):
        class_weights(LABELS, 4)
    with pytest.raises(ValueError, match="and no other. Received"):
        class_weights(LABELS, 2)
