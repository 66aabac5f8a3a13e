import dataclasses
import json

import numpy as np
import pytest

from tlkeras.validators import Evidence, guard

CLASSES, ROWS = 4, 400
LABELS = np.arange(ROWS) % CLASSES


def sure(predictions, scale):
    return scale * np.eye(CLASSES)[predictions]


def changed(share):
    """Predictions of which a share differs from the labels, every class as often as before."""
    predictions = LABELS.copy()
    count = round(share * ROWS)
    predictions[:count] = (predictions[:count] + 1) % CLASSES
    return predictions


SOURCE_ONLY = Evidence(sure(LABELS, 2.0))  # information 0.33 of 1.39 nats, so the doubt is 1.06


def test_the_figures_are_those_of_the_formulas():
    p = np.exp(2.0) / (np.exp(2.0) + 3)
    others = (1 - p) / 3
    entropy = -(p * np.log(p) + 3 * others * np.log(others))
    verdict = guard(Evidence(sure(changed(0.25), 2.0)), SOURCE_ONLY)
    assert verdict.figures["information"] == pytest.approx([np.log(4) - entropy] * 2, rel=1e-5)
    assert verdict.figures["changed"] == 0.25 and verdict.figures["most_information"] == pytest.approx(np.log(4))
    json.dumps(verdict.figures)


def test_a_model_that_grows_surer_and_changes_little_is_trusted():
    source_only = Evidence(sure(LABELS, 3.0))
    verdict = guard(Evidence(sure(changed(0.1), 8.0)), source_only)
    assert verdict.trusted
    assert "10 % of the answers changed" in verdict.reasons[1]


def test_many_changes_for_little_certainty_are_not_trusted():
    source_only = Evidence(sure(LABELS, 3.0))
    verdict = guard(Evidence(sure(changed(0.4), 3.5)), source_only)
    assert not verdict.trusted
    assert "40 % of the answers changed" in verdict.reasons[0]  # what decided comes first
    assert guard(Evidence(sure(changed(0.0), 3.5)), source_only).trusted


def test_where_source_only_knows_nothing_the_changes_do_not_count():
    weak = Evidence(sure(LABELS, 0.5))
    verdict = guard(Evidence(sure(changed(0.7), 2.0)), weak)
    assert verdict.trusted and any("hardly tells the classes apart" in reason for reason in verdict.reasons)


def test_less_information_is_not_trusted():
    verdict = guard(Evidence(sure(LABELS, 2.5)), Evidence(sure(LABELS, 3.0)))
    assert not verdict.trusted and verdict.reasons[0].startswith("The information goes from")


def test_a_gain_that_chance_explains_is_not_trusted():
    """Two rows of 400 grow surer, and two less so by a little: the interval holds 0."""
    logits = sure(LABELS, 3.0)
    logits[:2] *= 3.0
    logits[2:5] *= 0.9
    verdict = guard(Evidence(logits), Evidence(sure(LABELS, 3.0)))
    (before, after), (low, high) = verdict.figures["information"], verdict.figures["gain"]
    assert before < after and low < 0 < high and not verdict.trusted


def test_collapse_and_divergence_are_not_trusted():
    collapsed = guard(Evidence(sure(np.zeros(ROWS, int), 9.0)), SOURCE_ONLY)
    assert not collapsed.trusted and collapsed.reasons[0].startswith("The adapted model has collapsed: predicts 1 of 4")
    diverged = guard(Evidence(np.full((ROWS, CLASSES), np.nan)), SOURCE_ONLY)
    assert not diverged.trusted and "diverged" in diverged.reasons[0]


def test_a_model_that_forgot_the_source_is_not_trusted_and_the_distance_is_told():
    draw = np.random.default_rng(0)
    source = {"source_features": draw.normal(size=(60, 3)), "source_labels": LABELS[:60]}
    before = Evidence(
        sure(LABELS, 3.0), draw.normal(size=(ROWS, 3)) + 9.0, source_logits=sure(LABELS[:60], 1.0), **source
    )
    after = Evidence(sure(LABELS, 8.0), draw.normal(size=(ROWS, 3)), source_logits=sure(LABELS[:60], 1.0), **source)
    kept = guard(after, before)
    assert kept.trusted and kept.figures["source_accuracy"] == [1.0, 1.0]
    assert kept.figures["a_distance"][0] > 1.9 and kept.figures["a_distance"][1] < 0.6
    forgot = guard(dataclasses.replace(after, source_logits=sure(1 - LABELS[:60] % 2, 1.0)), before)
    assert not forgot.trusted and forgot.reasons[0].startswith("Of the source rows")


def test_evidence_of_other_rows_is_refused():
    with pytest.raises(ValueError, match="`adapted` and `source_only` must be of the same target rows. Received"):
        guard(Evidence(sure(LABELS[:9], 1.0)), SOURCE_ONLY)
