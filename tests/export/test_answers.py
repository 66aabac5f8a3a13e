import keras
import numpy as np
import pytest
from sklearn.metrics import f1_score, r2_score

from tlkeras.export import export_litert, verify_litert
from tlkeras.export.answers import checked_labels, same_answers, scores
from tlkeras.export.reference import ExportMismatch, Reference, compare, reference
from tlkeras.surgery import multi_label, regressor

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(400, 6)).astype("float32")
TARGETS = 150 + 70 * np.tanh(X[:, 0] + X[:, 1])


def trained(head, labels, loss, **arguments):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6,))
    backbone = keras.Model(inputs, keras.layers.Dense(16, activation="relu")(inputs))
    model = head(backbone, **arguments)
    model.compile(keras.optimizers.Adam(0.01), loss)
    model.fit(X, labels, epochs=3, verbose=0)
    return model


def test_values_are_the_same_within_a_tenth_of_their_deviation():
    expected = np.array([[0.0, 5.0], [2.0, 5.0], [0.0, 7.0], [2.0, 7.0]])  # deviation 1 of both
    found = expected + [[0.1, 0.0], [0.11, 0.0], [0.0, -0.1], [0.05, 0.11]]
    assert same_answers(expected, found, "values").tolist() == [True, False, True, False]
    found[0, 0] = np.nan
    assert compare(expected, found, "values")[0] == 0.25
    assert compare(1e4 * expected, 1e4 * (expected + 0.05), "values")[0] == 1.0  # whatever the units


def test_labels_are_the_same_as_a_set():
    expected = np.array([[1.0, -1.0], [1.0, 1.0], [-1.0, -1.0]])
    found = np.array([[0.1, -5.0], [1.0, -0.1], [-1.0, -2.0]])
    assert same_answers(expected, found, "labels").tolist() == [True, False, True]


def test_scores_are_those_of_scikit_learn():
    outputs, labels = RANDOM.normal(size=(50, 2)), RANDOM.normal(size=(50, 2))
    assert scores(outputs, labels, "values")["r2"] == pytest.approx(r2_score(labels, outputs))
    assert scores(outputs, labels, "values")["mean_absolute_error"] == pytest.approx(np.abs(outputs - labels).mean())
    applies = (labels > 0).astype(int)
    assert scores(outputs, applies, "labels")["f1"] == pytest.approx(f1_score(applies, outputs > 0, average="macro"))


@pytest.mark.parametrize(
    ("labels", "answers"),
    [([0, 2], "labels"), ([[0, 1]], "labels"), ([[0, 2], [0, 1]], "labels"), ([1.0, np.nan], "values"),
     (["a", "b"], "values"), ([[1.0], [2.0]], "values")],
)  # fmt: skip
def test_labels_that_do_not_fit(labels, answers):
    with pytest.raises(ValueError, match=rf"of the shape \(2, 2\), one for each output .* answers {answers}. Received"):
        checked_labels(labels, (2, 2), answers)


def test_a_drop_is_in_points_of_r2():
    model = trained(regressor, TARGETS, "mse", targets=TARGETS)
    expected = reference(model, X, labels=TARGETS, max_drop=1, min_agreement=0.01, value_range=None)
    assert expected.kind == "values"
    facts = expected.check(expected.answers, "file")
    assert facts["r2"] == facts["model_r2"] > 0.1
    with pytest.raises(ExportMismatch, match="the loss of r2 <= 1 points"):
        expected.check(expected.answers + 30, "file")
    plain = Reference(samples=X[:2], answers=np.ones((2, 1), "float32"))
    with pytest.raises(ValueError, match="a head of `tlkeras.surgery.regressor` or `multi_label` says that it has"):
        plain.check_classes()


def test_a_regressor_is_exported_and_verified(tmp_path):
    model = trained(regressor, TARGETS, "mse", targets=TARGETS)
    plain = export_litert(model, tmp_path / "float.tflite", samples=X[:100], labels=TARGETS[:100], value_range=None)
    assert plain["agreement"] == 1.0 and plain["max_abs_diff"] < 1e-3 * TARGETS.max()
    int8 = export_litert(
        model, tmp_path / "int8.tflite", samples=X[:100], labels=TARGETS[:100], quantize="int8", calibration=X[100:],
        min_agreement=0.9, max_drop=2, value_range=None,
    )  # fmt: skip
    assert abs(int8["r2"] - int8["model_r2"]) < 0.02 and int8["model_r2"] == plain["model_r2"]
    other = trained(regressor, -TARGETS, "mse", targets=-TARGETS)
    with pytest.raises(ExportMismatch, match="agreement 0."):
        verify_litert(other, tmp_path / "int8.tflite", X[:100], value_range=None)


def test_several_labels_are_exported_and_verified(tmp_path):
    labels = (X[:, :3] > 0).astype(int)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model = trained(multi_label, labels, loss, num_labels=3)
    int8 = export_litert(
        model, tmp_path / "int8.tflite", samples=X[:100], labels=labels[:100], quantize="int8", calibration=X[100:],
        min_agreement=0.8, value_range=None,
    )  # fmt: skip
    same = (model.predict(X[:100], verbose=0) > 0) == labels[:100]
    assert int8["model_f1"] > 0.5 and 0.8 <= int8["agreement"] <= 1.0 and same.any()
