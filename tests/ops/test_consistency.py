import keras
import numpy as np
import pytest
import scipy.stats

from tlkeras.ops import (
    aligned_probabilities,
    class_imbalance,
    curriculum_thresholds,
    largest_class_share,
    pseudo_labels,
    soft_cross_entropy,
    squared_difference,
)


@pytest.mark.parametrize(("labels", "share"), [([0, 1, 1, 2], 0.5), ([2, 2, 2], 1.0), ([1], 1.0)])
def test_largest_class_share(labels, share):
    assert float(largest_class_share(keras.ops.one_hot(labels, 3))) == pytest.approx(share)


def test_pseudo_labels_are_one_hot_where_the_row_is_certain_enough():
    rows = keras.ops.convert_to_tensor([[0.7, 0.3, 0.0], [0.2, 0.55, 0.25], [0.1, 0.1, 0.8]])
    for thresholds, expected in ((0.6, [0, 2]), ([0.9, 0.5, 0.9], [1]), (0.0, [0, 1, 2]), (0.99, [])):
        wanted = np.zeros((3, 3))
        wanted[expected, expected] = 1
        found = pseudo_labels(rows, keras.ops.convert_to_tensor(thresholds))
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(found), wanted)


def test_soft_cross_entropy_is_that_of_keras_on_the_rows_with_a_target():
    random = np.random.default_rng(0)
    logits, targets = random.normal(size=(5, 4)).astype("float32"), random.dirichlet(np.ones(4), 5).astype("float32")
    targets[3] = 0
    rows = keras.losses.categorical_crossentropy(targets[[0, 1, 2, 4]], logits[[0, 1, 2, 4]], from_logits=True)
    found = soft_cross_entropy(*map(keras.ops.convert_to_tensor, (targets, logits)))
    np.testing.assert_allclose(float(found), keras.ops.convert_to_numpy(rows).sum() / 5, rtol=1e-5)
    assert float(soft_cross_entropy(keras.ops.zeros((2, 4)), keras.ops.convert_to_tensor(logits[:2]))) == 0.0


@pytest.mark.parametrize(
    ("learned", "expected"),
    [
        ([0.0, 0.0], [0.0, 0.0]),
        ([0.1, 0.05], [0.8 * (2 / 17) / (2 - 2 / 17), 0.8 * (1 / 17) / (2 - 1 / 17)]),  # 0.85 is not learned yet
        ([0.6, 0.3], [0.8, 0.8 * 0.5 / 1.5]),
        ([1.0, 0.0], [0.8, 0.0]),
    ],
)
def test_thresholds_rise_with_what_was_learned(learned, expected):
    found = curriculum_thresholds(keras.ops.convert_to_tensor(learned), 0.8)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found), expected, atol=1e-6)


def test_squared_difference_counts_the_chosen_rows():
    random = np.random.default_rng(0)
    p, t = (random.dirichlet(np.ones(4), 5).astype("float32") for _ in range(2))
    chosen = np.array([1, 0, 1, 1, 0], "float32")
    found = squared_difference(*map(keras.ops.convert_to_tensor, (p, t, chosen)))
    np.testing.assert_allclose(float(found), ((p - t) ** 2)[[0, 2, 3]].sum() / 20, rtol=1e-5)


def test_class_imbalance_equals_scipy_and_is_finite_in_a_collapse():
    p = np.random.default_rng(0).dirichlet(np.ones(4), 5).astype("float32")
    expected = sum(scipy.stats.entropy([0.25, 0.75], [mean, 1 - mean]) for mean in p.mean(axis=0))
    np.testing.assert_allclose(float(class_imbalance(keras.ops.convert_to_tensor(p))), expected, rtol=1e-4)
    assert 5 < float(class_imbalance(keras.ops.one_hot([1, 1], 4))) < 20


def test_aligned_predictions_have_the_wanted_mean_where_only_the_shares_differ():
    """`p(y | x)` under another prior by Bayes; a class that nobody predicts or wants stays finite."""
    p = np.random.default_rng(0).dirichlet(np.ones(3), 5).astype("float32")
    shares, wanted = np.array([0.5, 0.3, 0.2], "float32"), np.array([0.1, 0.3, 0.6], "float32")
    expected = p * wanted / shares
    found = aligned_probabilities(*map(keras.ops.convert_to_tensor, (p, shares, wanted)))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found), expected / expected.sum(axis=1)[:, None], rtol=1e-4)
    extremes = aligned_probabilities(keras.ops.eye(2), keras.ops.one_hot(0, 2), keras.ops.one_hot(1, 2))
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(extremes), np.eye(2))
