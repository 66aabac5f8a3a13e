import numpy as np
import pytest

from tlkeras.ops.auc import Interval
from tlkeras.ops.permutation import PermutationTest
from tlkeras.transferability import ClassShares, DomainDistance, advise

NAMES = ("ant", "bee", "cat")


def distance(auc, width=0.02, p=0.001, rows=(1000, 1000)):
    return DomainDistance(rows, Interval(auc, auc - width, min(auc + width, 1.0)), 1.0, PermutationTest(0.1, p))


def shares(target=(0.4, 0.3, 0.3), chance=0.03, rows=1000, accuracy=0.9):
    source, target = np.array([0.4, 0.3, 0.3]), np.array(target)
    return ClassShares(source, None, target, float(np.abs(source - target).sum() / 2), chance, accuracy, rows)


OTHER, LACKING = shares((0.1, 0.2, 0.7)), shares((0.6, 0.4, 0.0))


@pytest.mark.parametrize(
    ("found", "estimated", "matched", "family"),
    [
        (distance(0.51, p=0.7), shares(), None, "no adaptation"),
        (distance(0.6), shares(), None, "no adaptation"),
        (distance(0.61), shares(), None, "class-aware or statistical adaptation"),
        (distance(0.7, width=0.2), shares(), None, "no adaptation"),  # the interval holds 0.5
        (distance(0.95), shares(), None, "class-aware or statistical adaptation"),
        (distance(0.96), shares(), None, "class-aware adaptation"),
        (distance(0.7), OTHER, distance(0.52), "prior correction"),
        (distance(0.98), OTHER, distance(0.52), "prior correction"),
        (distance(0.55), OTHER, distance(0.52), "prior correction"),
        (distance(0.7), OTHER, distance(0.65), "class-aware or statistical adaptation"),
        (distance(0.98), OTHER, distance(0.9), "class-aware adaptation"),
        (distance(0.98), OTHER, None, "class-aware adaptation"),
        (distance(0.7), shares((0.1, 0.2, 0.7), chance=0.6), distance(0.52), "class-aware or statistical adaptation"),
        (distance(0.7), shares((0.35, 0.3, 0.35)), distance(0.52), "class-aware or statistical adaptation"),
        (distance(0.51, p=0.7), OTHER, distance(0.5), "no adaptation"),
        (distance(0.51, p=0.7), None, None, "no adaptation"),
    ],
)
def test_the_family(found, estimated, matched, family):
    advice = advise(found, estimated, matched, NAMES)
    assert advice.family == family and advice.first


def reasons(*arguments):
    return " ".join(advise(*arguments, NAMES).reasons)


def test_reasons_of_near_domains():
    text = reasons(distance(0.51, p=0.4), shares(), None)
    assert "AUC 0.51, as by chance" in text and "no difference (p = 0.400)" in text
    assert "No shift of the class shares" in text and "few" not in text
    assert "too small a one for the classifier" in reasons(distance(0.51, p=0.01), shares(), None)
    assert "were not estimated" in reasons(distance(0.51), None, None)


def test_shares_that_explain_the_difference_are_relied_on_and_others_are_not():
    assert "move by 0.40" in reasons(distance(0.7), OTHER, distance(0.52))
    assert "AUC 0.52): nothing else differs" in reasons(distance(0.7), OTHER, distance(0.52))
    assert "not to be relied on" in reasons(distance(0.98), OTHER, distance(0.97))


def test_shares_of_a_weak_classifier_are_spoken_of():
    weak = shares((0.1, 0.2, 0.7), accuracy=0.7)
    assert "right on 70% of held-out source rows only" in reasons(distance(0.7), weak, distance(0.52))
    assert "right on" not in reasons(distance(0.7), OTHER, distance(0.52)) + reasons(distance(0.7), weak, distance(0.7))


def test_absent_classes_lead_to_methods_for_a_partial_set():
    explained, open_ = (reasons(distance(0.98), LACKING, distance(auc)) for auc in (0.5, 0.97))
    assert "seems to lack cat" in explained and "IWAN or PADA" in explained
    assert "Look whether the target has cat" in open_ and "--method iwan" in open_
    assert "cat" not in reasons(distance(0.7), OTHER, distance(0.52))


def test_few_target_images_are_spoken_of():
    assert "Only 99 target images" in reasons(distance(0.98, rows=(1000, 99)), shares(), None)
    assert "Only" not in reasons(distance(0.98, rows=(1000, 100)), shares(), None)
