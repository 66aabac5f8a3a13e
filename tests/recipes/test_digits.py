import json
import os
import pathlib
import signal
import time

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

from recipes.common.digit_tasks import digits_from_files, fonts_to_uci
from tests.recipes.processes import finish, start

SMALL = ("--images", "320", "--epochs", "2")


def test_the_target_is_untouched_and_its_labels_stay_closed():
    task = fonts_to_uci(20, seed=0, scored=False)
    assert task.scored is None
    np.testing.assert_array_equal(np.rint(task.target[..., 0] * (16 / 255)), load_digits().images)


def test_pairs_from_files():
    folder = os.environ.get("TLKERAS_DATA")
    if not folder:
        pytest.skip("TLKERAS_DATA is unset: no MNIST, USPS or MNIST-M")
    usps = digits_from_files(pathlib.Path(folder) / "digits", "mnist", "usps", 100)
    assert usps.source[0].shape == (100, 28, 28, 1) and usps.target.shape == (7291, 28, 28, 1)
    assert usps.scored[0].shape == (2007, 28, 28, 1) and usps.target.max() == 255
    colour = digits_from_files(pathlib.Path(folder) / "digits", "mnist", "mnist_m", 100)
    assert colour.source[0].shape == (100, 28, 28, 3)
    with pytest.raises(ValueError, match="must be two of"):
        digits_from_files(folder, "mnist", "svhn", 100)
    with pytest.raises(ValueError, match="`--data` must hold mnist.npz"):
        digits_from_files(folder, "mnist", "usps", 100)


@pytest.mark.slow
def test_a_run_writes_what_a_recipe_promises(tmp_path):
    output = finish("digits", "--smoke", "--out", tmp_path / "run")
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert {
        "recipe",
        "source",
        "target",
        "method",
        "seed",
        "backbone",
        "classes",
        "n_source",
        "n_target",
        "seconds",
    } <= set(metrics)
    assert set(metrics["adapted"]) == {
        "target_accuracy_last",
        "target_accuracy_selected",
        "selected_by",
        "target_accuracy_oracle",
    }
    assert {"path", "bytes", "agreement", "max_abs_diff", "latency_ms_median"} <= set(metrics["export"])
    assert not set(metrics["export"]["calibration_rows"]) & set(metrics["export"]["sample_rows"])
    for name in (
        "config.json",
        "model.keras",
        "model_int8.tflite",
        "model_float32.tflite",
        "saved_model",
        "report.html",
    ):
        assert (tmp_path / "run" / name).exists(), name
    assert list((tmp_path / "run" / "logs").rglob("events.*"))
    assert "DANN + MCC" in output and "oracle" in output
    model = keras.models.load_model(tmp_path / "run" / "model.keras")
    assert model.predict(load_digits().images[:2, ..., None] * (255 / 16), verbose=0).shape == (2, 10)


@pytest.mark.exhaustive
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_run_resumes_to_the_same_result(tmp_path, how, whole_run):
    process = start("digits", *SMALL, "--out", tmp_path / "run", start_new_session=True)
    while not list((tmp_path / "run").glob("checkpoints/DANN/state.json")):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.2)
    os.killpg(process.pid, how)
    output = process.communicate()[0]
    assert process.returncode != 0 and not (tmp_path / "run" / "metrics.json").exists()
    if how == signal.SIGINT:
        assert "Go on with the same flags and `--resume" in output
    finish("digits", *SMALL, "--out", tmp_path / "run", "--resume")
    resumed = json.loads((tmp_path / "run" / "metrics.json").read_text())
    for row, expected in whole_run["rows"].items():
        for key in ("target_accuracy_last", "target_accuracy_selected", "target_accuracy_oracle"):
            assert resumed["rows"][row][key] == pytest.approx(expected[key], abs=0.005), (row, key)


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    finish("digits", *SMALL, "--out", folder)
    return json.loads((folder / "metrics.json").read_text())
