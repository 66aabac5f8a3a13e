import numpy as np
import pytest
from sklearn.metrics import f1_score

from tlkeras.validators import information_maximization, label_information, source_f1

LOGITS = np.random.default_rng(0).normal(size=(50, 3)) * 2
LABELS = np.random.default_rng(1).integers(0, 2, (50, 3))


def test_it_is_information_maximization_of_each_label():
    """A sigmoid is a softmax over the logits 0 and z."""
    each = [information_maximization(np.stack([np.zeros(50), column], axis=1)) for column in LOGITS.T]
    assert label_information(LOGITS) == pytest.approx(np.mean(each), rel=1e-6)


def test_its_ends():
    assert label_information(np.tile([[50.0, -50.0]], (9, 1))) == pytest.approx(0, abs=1e-9)
    assert label_information([[1000.0], [-1000.0]]) == pytest.approx(np.log(2))


def test_f1_is_scikit_learns():
    assert source_f1(LOGITS, LABELS) == pytest.approx(f1_score(LABELS, LOGITS > 0, average="macro"), rel=1e-9)
    # a label that nobody has does not count, unless it is predicted
    assert source_f1([[1.0, -1.0]], [[1, 0]]) == 1.0 and source_f1([[1.0, 1.0]], [[1, 0]]) == 0.5


def test_bad_input():
    with pytest.raises(ValueError, match="0 or 1 for each of the 50 rows and 3 labels. Received: shape=\\(50,\\)"):
        source_f1(LOGITS, LABELS[:, 0])
    with pytest.raises(ValueError, match="`source_labels` must be 0 or 1"):
        source_f1(LOGITS, LABELS + 1)
    with pytest.raises(ValueError, match="`target_logits` must be finite"):
        label_information(LOGITS * np.nan)
