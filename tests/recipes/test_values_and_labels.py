import json
import sys

import keras
import numpy as np
import pytest

from recipes import values_and_labels
from recipes.common import compare_report
from recipes.common.harness import run_recipe
from recipes.common.held_out import held_out
from recipes.common.multi_label import MULTI_LABEL, MeanF1
from recipes.common.output_tasks import Diabetes, DigitPairs, pairs
from recipes.common.problems import CLASSIFICATION, PROBLEMS
from recipes.common.regression import REGRESSION, mean_absolute_error, regression_of
from tlkeras.validators import source_f1


def recipe(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["values_and_labels.py", *map(str, arguments)])
    return run_recipe("values_and_labels", "Answers.", values_and_labels.Flags, values_and_labels.run,
                      compare_report.summarize)  # fmt: skip


def test_problems_are_found_by_their_measure():
    assert PROBLEMS["mean_absolute_error"] is REGRESSION and PROBLEMS["mean_f1"] is MULTI_LABEL
    values = np.array([[1.0], [5.0]])
    assert mean_absolute_error(values, [2.0, 3.0]) == 1.5
    assert regression_of([0.0, 20.0]).loss().scale == [10.0]
    with pytest.raises(ValueError, match="must differ between rows"):
        regression_of([3.0, 3.0])


def test_the_metric_is_the_mean_f1_of_logits():
    random = np.random.default_rng(0)
    logits, labels = random.normal(size=(40, 3)).astype("float32"), random.integers(0, 2, (40, 3))
    metric = MeanF1()
    for rows in (slice(0, 25), slice(25, 40)):
        metric.update_state(labels[rows], logits[rows])
    assert float(metric.result()) == pytest.approx(source_f1(logits, labels), abs=1e-6)
    assert keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric)).name == "mean_f1"


def test_a_fifth_is_held_out_where_it_is_asked_for():
    source = np.arange(50), np.arange(50) * 2
    assert held_out(source, CLASSIFICATION) == (source, None)
    (trained, values), (held, others) = held_out(source, REGRESSION)
    assert len(trained) == 40 and sorted([*trained, *held]) == list(range(50))
    assert (values == 2 * trained).all() and (others == 2 * held).all()


def test_pairs_have_the_labels_of_both_images():
    images = np.arange(10).reshape(10, 1, 1, 1) * np.ones((1, 2, 2, 1), int)
    both, present = pairs(images, np.arange(10), 0, count=30)
    assert both.shape == (30, 2, 4, 1)
    for image, row in zip(both, present, strict=True):
        assert set(np.flatnonzero(row)) == {image[0, 0, 0], image[0, 3, 0]}


def test_the_patients_of_the_target_have_another_index():
    task = Diabetes(0)
    assert task.target[:, 2].mean() > task.source[:, 2].mean() + 0.03 and len(task.source) + task.target_count == 442
    assert task.problem.loss().scale == [task.source_labels.std()]


@pytest.mark.parametrize(
    ("answers", "method"), [("values", "mcc"), ("labels", "rsd,mdd"), ("labels", "regression_mdd")]
)
def test_methods_of_other_answers_are_refused_before_training(monkeypatch, tmp_path, answers, method):
    with pytest.raises(SystemExit, match="reads predictions of"):
        recipe(monkeypatch, "--answers", answers, "--method", method, "--smoke", "--out", tmp_path / "run")


@pytest.mark.slow
def test_values_run_whole(monkeypatch, tmp_path):
    out = tmp_path / "run"
    [metrics] = recipe(monkeypatch, "--steps", 200, "--epochs", 2, "--out", out)
    assert metrics == json.loads((out / "metrics.json").read_text()) and metrics["measure"] == "mean_absolute_error"
    assert metrics["source_only"]["selected_by"] == "importance_weighted_r2"
    task = Diabetes(0)
    found = keras.models.load_model(out / "model.keras").predict(task.target, verbose=0)
    figure = metrics["rows"][metrics["ships"]]["target_mean_absolute_error_last"]
    assert mean_absolute_error(found, task.test_labels) == pytest.approx(figure, rel=1e-5) and figure < 60
    assert metrics["exports"][0]["agreement"] == 1.0 and metrics["guard"]["figures"]["source_rows"] > 30
    assert "Predicted against true" in (out / "report.html").read_text()


@pytest.mark.exhaustive
def test_labels_run_whole(monkeypatch, tmp_path):
    arguments = ("--answers", "labels", "--method", "dann", "--steps", 20, "--epochs", 2)
    [metrics] = recipe(monkeypatch, *arguments, "--out", tmp_path / "run")
    assert 0 <= metrics["adapted"]["target_mean_f1_last"] <= 1
    assert set(metrics["adapted"]["predicted"]) == set("0123456789")
    assert DigitPairs("", 0).target.shape[1:] == (8, 16, 1)
    assert "F1" in (tmp_path / "run" / "report.html").read_text()
