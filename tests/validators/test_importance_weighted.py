import numpy as np
import pytest

from tlkeras.validators import importance_weighted

KIND = np.arange(400) % 2  # one feature: half of the source is of each kind, nine tenths of the target of kind 1
TARGET = (np.arange(400) % 10 > 0).astype(float)[:, None]


def test_rows_of_the_kind_that_fills_the_target_count_by_its_share():
    right_on_one_kind = np.eye(2)[KIND]
    labels = np.ones(400, int)
    score = importance_weighted(right_on_one_kind, labels, KIND[:, None], TARGET)
    assert score == pytest.approx(0.9, abs=0.01)
    assert importance_weighted(right_on_one_kind, 0 * labels, KIND[:, None], TARGET) == pytest.approx(1 - score)


def test_without_a_shift_it_is_the_accuracy():
    labels = np.arange(400) % 3
    score = importance_weighted(np.eye(3)[0 * labels], labels, np.zeros((400, 2)), np.zeros((300, 2)))
    assert score == pytest.approx((labels == 0).mean(), abs=0.005)


def test_its_ends():
    logits = np.eye(2)[KIND]
    assert importance_weighted(logits, KIND, KIND[:, None], TARGET) == 1
    assert importance_weighted(logits, 1 - KIND, KIND[:, None], TARGET) == 0


def test_bad_input():
    logits = np.eye(2)[KIND]
    with pytest.raises(ValueError, match="`source_features` must have 400 rows"):
        importance_weighted(logits, KIND, KIND[1:, None], TARGET)
    with pytest.raises(ValueError, match="`source_labels` must be in 0..1"):
        importance_weighted(logits, KIND + 1, KIND[:, None], TARGET)
    with pytest.raises(ValueError, match="`target_features` must be finite"):
        importance_weighted(logits, KIND, KIND[:, None], TARGET * np.nan)
