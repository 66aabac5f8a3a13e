import numpy as np
import pytest

from tlkeras.validators import Evidence, collapse, collapse_of

RANDOM = np.random.default_rng(0)
VALUES = RANDOM.normal(50, 10, (40, 2))


def values(target, source=None):
    return Evidence(target, source_logits=source, answers="values")


def test_classes_are_judged_as_ever():
    logits = np.eye(4)[[2] * 20]
    assert collapse_of(Evidence(logits)) == collapse(logits) != ()
    assert collapse_of(Evidence(logits), prior=[0, 0, 1, 0]) == ()


def test_values_that_hardly_deviate_have_collapsed():
    assert collapse_of(values(VALUES, VALUES)) == collapse_of(values(0.06 * VALUES, VALUES)) == ()
    narrow = VALUES * [0.04, 1.0]
    [reason] = collapse_of(values(narrow, VALUES))
    assert reason.startswith("output 0 deviates by 0.") and collapse_of(values(narrow)) == ()
    assert collapse_of(values(np.full((9, 2), 3.0))) == ("answers 3, 3 in every row",)


def test_labels_that_are_the_same_in_every_row_have_collapsed():
    assert collapse_of(Evidence(RANDOM.normal(size=(20, 3)), answers="labels")) == ()
    same = RANDOM.uniform(1, 2, (20, 3)) * [1, -1, 1]
    assert collapse_of(Evidence(same, answers="labels")) == ("answers every row alike: 2 of 3 labels apply",)


def test_what_is_not_finite():
    broken = np.where(np.arange(40)[:, None] == 3, np.nan, VALUES)
    assert collapse_of(values(broken)) == ("diverged: `target_logits` is not finite in 1 of 40 rows",)


def test_a_prior_of_what_has_no_classes_is_refused():
    with pytest.raises(ValueError, match="`prior` must be None, as a model of values has no classes"):
        collapse_of(values(VALUES), prior=[0.5, 0.5])
