import dataclasses
import json

import numpy as np
import pytest

from tlkeras.validators import Evidence, guard
from tlkeras.validators.density_ratio import density_ratios

RANDOM = np.random.default_rng(0)
ROWS = 300
SOURCE, TARGET = RANDOM.normal(size=(ROWS, 2)), RANDOM.normal(size=(ROWS, 2)) + [1.0, 0.0]
LABELS = SOURCE[:, 0] + RANDOM.normal(0, 0.05, ROWS)


def evidence(of_source, answers="values", labels=LABELS, **changes):
    given = Evidence(
        TARGET[:, : of_source.shape[1]], TARGET, source_logits=of_source, source_features=SOURCE, source_labels=labels,
        answers=answers,
    )  # fmt: skip
    return dataclasses.replace(given, **changes)


RIGHT_ABOVE, RIGHT_BELOW = evidence(np.maximum(SOURCE[:, :1], 0)), evidence(np.minimum(SOURCE[:, :1], 0))


def test_who_errs_less_where_the_target_is_is_trusted():
    verdict = guard(RIGHT_ABOVE, RIGHT_BELOW)
    assert verdict.trusted and "a gain of +0." in verdict.reasons[0]
    json.dumps(verdict.figures)
    weights = density_ratios(SOURCE, TARGET)
    errors = (np.maximum(SOURCE[:, 0], 0) - LABELS) ** 2 / LABELS.var()
    assert verdict.figures["weighted_error"][1] == pytest.approx(np.average(errors, weights=weights), rel=1e-9)
    assert verdict.figures["effective_rows"] == pytest.approx(weights.sum() ** 2 / (weights**2).sum())
    refused = guard(RIGHT_BELOW, RIGHT_ABOVE)
    assert not refused.trusted and refused.reasons[0].startswith("On source rows, weighted")


def test_no_difference_is_not_trusted():
    assert not guard(RIGHT_ABOVE, RIGHT_ABOVE).trusted


def test_domains_far_apart_cannot_be_judged():
    far = TARGET + 30
    verdict = guard(*(dataclasses.replace(each, target_features=far) for each in (RIGHT_ABOVE, RIGHT_BELOW)))
    assert not verdict.trusted and "not enough to tell without labels" in verdict.reasons[0]
    assert verdict.figures["covered"] < 0.1  # every source row is equally unlike the target


def test_few_rows_that_are_like_the_target_are_too_few():
    """Five of 300 source rows lie among the target: they alone carry the weight."""
    source = np.where(np.arange(ROWS)[:, None] < 5, SOURCE, SOURCE - [4.0, 0.0])
    both = (dataclasses.replace(each, source_features=source) for each in (RIGHT_ABOVE, RIGHT_BELOW))
    verdict = guard(*both)
    assert not verdict.trusted and "not enough to tell without labels" in verdict.reasons[0]
    assert verdict.figures["effective_rows"] < 30


def test_without_source_rows_it_says_that_nothing_tells():
    verdict = guard(*(Evidence(TARGET, answers="values") for _ in range(2)))
    assert not verdict.trusted and "`--ship` decides" in verdict.reasons[0]


def test_several_labels():
    truth = np.stack([SOURCE[:, 0] > 0, SOURCE[:, 0] > 1.0], axis=1)
    right = np.where(truth, 3.0, -3.0)
    worse = np.where(SOURCE[:, :1] > 0.5, -right, right)  # wrong where the target is
    of = {"answers": "labels", "labels": truth.astype(int)}
    assert guard(evidence(right, **of), evidence(worse, **of)).trusted
    assert not guard(evidence(worse, **of), evidence(right, **of)).trusted


def test_collapse_comes_first_and_kinds_must_be_one():
    collapsed = dataclasses.replace(RIGHT_ABOVE, target_logits=np.ones((ROWS, 1)))
    verdict = guard(collapsed, RIGHT_BELOW)
    assert not verdict.trusted and verdict.reasons[0].startswith("The adapted model has collapsed: answers 1 in every")
    with pytest.raises(ValueError, match=r"must answer alike. Received: \['values', 'classes'\]"):
        guard(RIGHT_ABOVE, dataclasses.replace(RIGHT_BELOW, answers="classes"))
