import numpy as np
import pytest

from tlkeras.validators import reverse_validation

LABELS = np.arange(60) % 3
FEATURES = 5 * np.eye(3)[LABELS] + np.random.default_rng(0).normal(size=(60, 3))
LOGITS = np.eye(3)[LABELS]


def test_right_predictions_teach_the_source_and_exchanged_classes_mislead_it():
    assert reverse_validation(FEATURES, LOGITS, FEATURES[:30], LABELS[:30]) == 1
    assert reverse_validation(FEATURES, np.roll(LOGITS, 1, axis=1), FEATURES, LABELS) == 0
    two_exchanged = LOGITS[:, [1, 0, 2]]
    assert reverse_validation(FEATURES, two_exchanged, FEATURES, LABELS) == pytest.approx(1 / 3)


def test_one_predicted_class_scores_its_share_of_the_source():
    assert reverse_validation(FEATURES, np.eye(3)[0 * LABELS], FEATURES[:4], [0, 1, 2, 0]) == 0.5


def test_bad_input():
    with pytest.raises(ValueError, match="`target_features` must have 60 rows"):
        reverse_validation(FEATURES[1:], LOGITS, FEATURES, LABELS)
    with pytest.raises(ValueError, match="`source_features` must have 3 columns"):
        reverse_validation(FEATURES, LOGITS, FEATURES[:, 1:], LABELS)
    with pytest.raises(ValueError, match="`source_labels` must be in 0..2"):
        reverse_validation(FEATURES, LOGITS, FEATURES, LABELS + 1)
    with pytest.raises(ValueError, match="`target_logits` must be finite"):
        reverse_validation(FEATURES, LOGITS * np.nan, FEATURES, LABELS)
