import keras
import numpy as np
import pytest

from tlkeras.export import ExportMismatch
from tlkeras.export.reference import Reference, compare, reference


def test_compare_by_hand():
    expected = np.array([[1.0, 2.0], [3.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    found = np.array([[1.5, 2.0], [1.0, 3.0], [np.nan, 1.0], [0.0, np.inf]])
    assert compare(expected, found) == (0.25, 2.0, (0.5 + 0 + 2 + 2) / 4)
    assert compare(expected, np.full((4, 2), np.nan)) == (0.0, np.inf, np.inf)
    with pytest.raises(ValueError, match="Received"):
        compare(expected, found[:, :1])


def made(answers, **how):
    return Reference(samples=np.zeros((len(answers), 3)), answers=np.asarray(answers, "float32"), **how)


ANSWERS = np.eye(2, dtype="float32")[[0] * 8 + [1] * 2]  # ten answers, probabilities
OTHERS = np.eye(2, dtype="float32")[[0] * 7 + [1] * 3]  # the eighth is changed


def test_with_labels_the_drop_is_that_of_accuracy():
    wrong_already = np.array([0] * 7 + [1] + [1] * 2)  # the file is right where the model was wrong: a gain
    facts = made(ANSWERS, labels=wrong_already, min_agreement=0.5, max_drop=0).check(OTHERS, "file")
    assert (facts["accuracy"], facts["model_accuracy"], facts["agreement"]) == (1.0, 0.9, 0.9)
    assert facts["ece"] == pytest.approx(0.0) and facts["model_ece"] == pytest.approx(0.1)
    lost = made(ANSWERS, labels=ANSWERS.argmax(-1), min_agreement=0.5, max_drop=9.9)
    with pytest.raises(ExportMismatch, match=r"the loss of accuracy <= 9.9 points. Received: .*, 10.00 points"):
        lost.check(OTHERS, "file")
    made(ANSWERS, labels=ANSWERS.argmax(-1), min_agreement=0.5, max_drop=10).check(OTHERS, "file")


def test_without_labels_it_is_the_share_of_changed_answers():
    made(ANSWERS, min_agreement=0.5, max_drop=10).check(OTHERS, "file")
    with pytest.raises(ExportMismatch, match="the share of changed answers <= 9 points"):
        made(ANSWERS, min_agreement=0.5, max_drop=9).check(OTHERS, "file")
    with pytest.raises(ExportMismatch, match=r"agreement must be >= 0.95 .*Received: agreement 0.9000"):
        made(ANSWERS, min_agreement=0.95).check(OTHERS, "file")


def test_logits_are_turned_into_probabilities_for_the_calibration_error():
    logits = np.array([[0.0, np.log(3.0)]] * 4, "float32")  # confidence .75, right in 2 of 4
    facts = made(logits, labels=np.array([1, 1, 0, 0])).check(logits, "file")
    assert facts["ece"] == pytest.approx(0.25, abs=1e-6)


def test_a_single_output_has_a_bound_on_differences_or_none():
    numbers = np.array([[1.0], [5.0]], "float32")
    assert made(numbers).check(numbers, "file", max_diff=1e-3)["max_abs_diff"] == 0
    with pytest.raises(ExportMismatch, match="largest difference <= 0.005"):
        made(numbers).check(numbers + 0.1, "file", max_diff=1e-3)
    with pytest.raises(ValueError, match=r"at least two classes .*Received: outputs of shape \(2, 1\)"):
        made(numbers).check(numbers, "file")


@pytest.mark.parametrize("labels", [[0, 1], [0, 1, 4], [0, 1, -1], [0.0, 1.0, 2.0], [[0], [1], [2]]])
def test_labels_that_do_not_fit(labels):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    with pytest.raises(ValueError, match=r"`labels` must be integers of the shape \(3,\) from 0 to 3.*Received"):
        reference(model, np.zeros((3, 3)), labels=labels, value_range=None)


def test_it_holds_the_answers_of_the_model(model, images):
    found = reference(model, images[0], labels=images[1])
    np.testing.assert_array_equal(found.answers, model.predict(images[0], verbose=0))
    assert found.samples.dtype == np.float32
