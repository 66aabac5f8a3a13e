import numpy as np
import pytest
from sklearn.datasets import load_digits

from tlkeras.transferability import diagnose

DIGITS, LABELS = load_digits(return_X_y=True)
SPLIT = np.random.default_rng(0).permutation(len(LABELS))
SOURCE, OTHER = SPLIT[:900], SPLIT[900:]


def found(target, **arguments):
    return diagnose(DIGITS[SOURCE], LABELS[SOURCE], target, permutations=199, **arguments)


def test_other_digits_of_the_same_source_need_no_adaptation():
    diagnosis = found(DIGITS[OTHER])
    assert diagnosis.advice.family == "no adaptation" and diagnosis.matched is None
    assert diagnosis.distance.auc.value == pytest.approx(0.5, abs=0.06) and diagnosis.distance.mmd.p_value > 0.05
    assert diagnosis.settings == {"rows": 1000, "permutations": 199, "seed": 0}


def test_other_shares_alone_are_told_from_other_images():
    kept = np.random.default_rng(1).uniform(size=len(OTHER)) < (LABELS[OTHER] + 1) / 10
    diagnosis = found(DIGITS[OTHER[kept]])
    assert diagnosis.distance.mmd.p_value < 0.05 and diagnosis.advice.family == "prior correction"
    assert diagnosis.matched.auc.value < 0.6 and diagnosis.matched.rows[0] < 900
    inverted = found((16 - DIGITS[OTHER[kept]]).clip(0, 12))
    assert inverted.advice.family == "class-aware adaptation" and inverted.distance.auc.value > 0.99


def test_absent_classes():
    diagnosis = found(DIGITS[OTHER[LABELS[OTHER] < 5]], class_names=tuple("abcdefghij"))
    assert diagnosis.advice.family == "prior correction"
    assert "lack f, g, h, i, j:" in diagnosis.advice.reasons[-1]


def test_a_blur_of_half_the_images_lies_between():
    images = DIGITS[OTHER].reshape(-1, 8, 8)
    blurred = (images + np.roll(images, 1, axis=1) + np.roll(images, 1, axis=2)) / 3
    mixed = np.where((np.arange(len(OTHER)) % 2 == 0)[:, None, None], blurred, images)
    assert found(mixed.reshape(-1, 64)).advice.family == "class-aware or statistical adaptation"


def test_a_class_of_few_rows_leaves_the_shares_out():
    keep = np.r_[SOURCE[LABELS[SOURCE] != 3], SOURCE[LABELS[SOURCE] == 3][:4]]
    diagnosis = diagnose(DIGITS[keep], LABELS[keep], DIGITS[OTHER], permutations=99)
    assert diagnosis.shares is None and "not estimated" in diagnosis.advice.reasons[2]
    assert diagnosis.as_dict()["shares"] is None


def test_bad_input():
    with pytest.raises(ValueError, match="`target_features` must have at least 20 rows. Received: 19"):
        found(DIGITS[:19])
    with pytest.raises(ValueError, match="at least two classes"):
        diagnose(DIGITS[:30], np.zeros(30, int), DIGITS[:30])
    with pytest.raises(ValueError, match="`target_features` must have 64 columns"):
        found(DIGITS[:30, :5])
