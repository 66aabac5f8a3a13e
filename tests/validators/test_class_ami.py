import numpy as np
import pytest

from tlkeras.validators import class_ami

RANDOM = np.random.default_rng(0)


def test_four_rows_by_hand():
    # Clusters {0, 1} and {2, 3}, predictions {0, 2} and {1, 3}: no information in common. Of the six ways to halve four
    # rows two give log 2 and four give 0: by chance log 2 / 3, so (0 - log 2 / 3) / (log 2 - log 2 / 3).
    features = np.array([[0.0], [0.1], [9.0], [9.1]])
    assert class_ami(features, np.eye(2)[[0, 1, 0, 1]]) == pytest.approx(-0.5)
    assert class_ami(features, np.eye(2)[[1, 1, 0, 0]]) == pytest.approx(1)


def test_equal_features_give_equal_scores():
    features, logits = RANDOM.normal(size=(80, 5)), RANDOM.normal(size=(80, 4))
    assert class_ami(features, logits) == class_ami(features, logits)
    assert abs(class_ami(features, logits)) < 0.1


def test_a_model_that_collapsed_scores_0():
    one_class = np.eye(3)[[1] * 30]
    assert class_ami(np.ones((30, 2)), one_class) == 0
    assert class_ami(RANDOM.normal(size=(30, 2)), one_class) == 0
    assert class_ami(np.ones((30, 2)), np.eye(3)[np.arange(30) % 3]) == 0


def test_bad_input():
    with pytest.raises(ValueError, match="`target_features` must have 4 rows"):
        class_ami(np.zeros((3, 2)), np.zeros((4, 2)))
    with pytest.raises(ValueError, match="`target_features` must be finite"):
        class_ami(np.full((4, 2), np.inf), np.zeros((4, 2)))
    with pytest.raises(ValueError, match="at least one row"):
        class_ami(np.zeros((0, 2)), np.zeros((0, 2)))
