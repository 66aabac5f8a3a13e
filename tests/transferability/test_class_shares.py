import numpy as np
import pytest
from sklearn.datasets import load_digits

from tlkeras.transferability import class_shares, matched_rows

DIGITS, LABELS = load_digits(return_X_y=True)
SPLIT = np.random.default_rng(0).permutation(len(LABELS))
SOURCE, OTHER = SPLIT[:900], SPLIT[900:]


def resampled(shares, count=400, seed=1):
    """Returns rows of the other half of the real digits with these shares, drawn with replacement."""
    random = np.random.default_rng(seed)
    labels = random.choice(10, count, p=shares)
    return np.array([random.choice(OTHER[LABELS[OTHER] == label]) for label in labels])


def test_shares_of_resampled_real_digits_are_found():
    shares = np.linspace(1, 10, 10) / 55
    rows = resampled(shares)
    truth = np.bincount(LABELS[rows]) / len(rows)
    found = class_shares(DIGITS[SOURCE], LABELS[SOURCE], DIGITS[rows])
    np.testing.assert_allclose(found.bbse, truth, atol=0.025)
    np.testing.assert_allclose(found.mlls, truth, atol=0.025)
    np.testing.assert_allclose(found.source, np.bincount(LABELS[SOURCE]) / 900)
    assert found.total_variation == pytest.approx(np.abs(found.mlls - found.source).sum() / 2)
    assert found.total_variation == pytest.approx(np.abs(truth - found.source).sum() / 2, abs=0.03)
    assert found.total_variation > 2 * found.chance > 0.02
    assert found.accuracy > 0.9 and found.target_rows == 400 and not len(found.perhaps_absent)


def test_without_a_shift_the_shares_move_as_by_chance_most_of_the_time():
    draws = [np.random.default_rng(seed).permutation(OTHER)[:200] for seed in range(5)]
    found = [class_shares(DIGITS[SOURCE], LABELS[SOURCE], DIGITS[rows]) for rows in draws]
    assert sum(one.total_variation > one.chance for one in found) <= 2


def test_absent_classes_are_named():
    rows = OTHER[np.isin(LABELS[OTHER], (0, 1, 4, 7))]
    found = class_shares(DIGITS[SOURCE], LABELS[SOURCE], DIGITS[rows])
    assert found.perhaps_absent.tolist() == [2, 3, 5, 6, 8, 9]
    few = class_shares(DIGITS[SOURCE], LABELS[SOURCE], DIGITS[rows[:30]])
    assert not len(few.perhaps_absent)  # of 30 images 3 of a class are expected: none may be chance


def test_a_large_source_is_sampled_and_a_rare_class_keeps_five_rows():
    many = np.repeat(SOURCE, 3)
    keep = (LABELS[many] != 9) | (np.cumsum(LABELS[many] == 9) <= 7)
    many = many[keep]
    found = class_shares(DIGITS[many], LABELS[many], DIGITS[OTHER], rows=300)
    assert found.target_rows == 300
    np.testing.assert_allclose(found.source, np.bincount(LABELS[many]) / len(many))
    assert 0 < found.source[9] < 0.003 and found.mlls.shape == (10,) and not len(found.perhaps_absent)


def test_a_classifier_that_never_predicts_a_class_leaves_bbse_out():
    labels = np.r_[np.zeros(60, int), np.ones(6, int)]
    found = class_shares(np.random.default_rng(0).normal(size=(66, 2)), labels, np.zeros((5, 2)))
    assert found.bbse is None and found.mlls.sum() == pytest.approx(1)


def test_bad_input():
    with pytest.raises(ValueError, match="at least 5 rows of every class. Received: 4 of class 1"):
        class_shares(DIGITS[:10], np.array([0] * 6 + [1] * 4), DIGITS[:10])
    with pytest.raises(ValueError, match="at least two classes"):
        class_shares(DIGITS[:10], np.zeros(10, int), DIGITS[:10])


def test_matched_rows_have_the_shares_and_are_as_many_as_there_are():
    labels = np.repeat(np.arange(3), [40, 30, 30])
    rows = matched_rows(labels, [0.5, 0.3, 0.2])
    assert np.bincount(labels[rows]).tolist() == [40, 24, 16] and len(set(rows)) == 80
    assert np.bincount(labels[matched_rows(labels, [0.7, 0.299, 0.001])]).tolist() == [40, 17]


def test_matched_rows_of_an_absent_class_are_none():
    labels = np.repeat(np.arange(3), [40, 30, 30])
    rows = matched_rows(labels, [0.5, 0.5, 0.0], seed=1)
    assert np.bincount(labels[rows]).tolist() == [30, 30]
