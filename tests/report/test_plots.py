import numpy as np
import pytest

from tlkeras.report import confusion_matrix, curves, predicted_against_true


def test_curves_go_to_the_panel_of_their_kind():
    figure = curves({"DANN": {"loss": [100.0, 1.0], "val_accuracy": [0.1, 0.2]}, "plain": {"loss": [1.0, 0.5]}})
    losses, accuracies, plain, nothing = figure.axes
    assert [line.get_label() for line in losses.lines] == ["loss"]
    assert [line.get_label() for line in accuracies.lines] == ["val accuracy"]
    assert list(losses.lines[0].get_xdata()) == [1, 2] and list(losses.lines[0].get_ydata()) == [100, 1]
    assert losses.get_yscale() == "log" and plain.get_yscale() == "linear"
    assert not nothing.axison and losses.get_title(loc="left") == "DANN: loss terms"


def test_curves_survive_a_diverged_run():
    assert curves({"a": {"loss": [1.0, float("nan"), float("inf")]}}).axes[0].get_yscale() == "linear"
    with pytest.raises(ValueError, match="Received"):
        curves({})


def test_confusion_matrix_rows_are_true_classes():
    figure = confusion_matrix([0, 0, 0, 1], [0, 0, 1, 1], class_names=["cat", "dog"])
    axis = figure.axes[0]
    np.testing.assert_allclose(axis.images[0].get_array(), [[2 / 3, 1 / 3], [0, 1]])
    assert {(text.get_position(), text.get_text()) for text in axis.texts} == {
        ((0, 0), "2"),
        ((1, 0), "1"),
        ((1, 1), "1"),
    }
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("predicted", "true")
    assert [label.get_text() for label in axis.get_yticklabels()] == ["cat", "dog"]


def test_confusion_matrix_refuses_what_does_not_fit():
    for labels, predictions, names in (
        ([0, 1], [0], None),
        ([], [], None),
        ([0, 2], [0, 1], ["a", "b"]),
        ([-1], [0], None),
    ):
        with pytest.raises(ValueError, match="Received"):
            confusion_matrix(labels, predictions, class_names=names)


def test_the_measure_that_counts_has_its_panel():
    history = {"loss": [1.0], "val_mean_f1": [0.5], "accuracy": [0.9]}
    left, right = curves({"a": history}, measure="mean_f1").axes
    assert [line.get_label() for line in right.lines] == ["val mean f1", "accuracy"] and len(left.lines) == 1


def test_predicted_against_true():
    labels, predictions = np.array([[1.0, 0.0], [3.0, 0.0]]), np.array([[1.0, 1.0], [3.0, 2.0]])
    first, second, *_ = predicted_against_true(labels, predictions, names=["age", "size"]).axes
    assert first.get_title(loc="left") == "age: R2 1.00, MAE 0" and second.get_title(loc="left").endswith("MAE 1.5")
    np.testing.assert_array_equal(first.collections[0].get_offsets(), [[1, 1], [3, 3]])
    [diagonal] = second.lines
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata()) == [0, 2]
    assert len(predicted_against_true([1.0, 2.0], [1.0, 2.0]).axes) == 1
    with pytest.raises(ValueError, match="`names` one an output. Received"):
        predicted_against_true(labels, predictions[:, :1])
    with pytest.raises(ValueError, match="must be finite"):
        predicted_against_true([1.0, np.nan], [1.0, 2.0])
