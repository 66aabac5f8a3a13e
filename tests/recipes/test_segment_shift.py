import json
import pathlib
import sys

import keras
import numpy as np
import pytest

from recipes import segment_shift
from recipes.common import compare_report
from recipes.common.harness import run_recipe
from recipes.common.scenes import CLASSES, scenes
from recipes.common.segmentation import intersections_over_unions, mean_iou, predicted_shares
from recipes.common.small_net import small_net
from tlkeras.surgery import segmenter


@pytest.fixture
def recipe(monkeypatch):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["segment_shift.py", *map(str, arguments)])
        return run_recipe("segment_shift", "Scenes.", segment_shift.Flags, segment_shift.run, compare_report.summarize)

    return call


def test_scenes_are_a_function_of_the_seed_and_differ_between_domains():
    images, labels = scenes(6, "clean", 3)
    again, same = scenes(6, "clean", 3)
    np.testing.assert_array_equal(images, again)
    np.testing.assert_array_equal(labels, same)
    other, elsewhere = scenes(6, "dusk", 3)
    assert images.shape == other.shape == (6, 64, 64, 3) and images.dtype == np.uint8
    assert set(np.unique(labels)) == set(range(len(CLASSES))) and not np.array_equal(labels, elsewhere)
    brightness = [image[label == 1].mean() for image, label in ((images, labels), (other, elsewhere))]
    assert brightness[0] > brightness[1] + 30  # the sky


def test_intersections_by_hand_and_as_keras_counts():
    labels = np.array([[0, 0, 1, 1], [1, 1, 3, 3]])
    predicted = np.array([[0, 1, 1, 1], [1, 1, 3, 0]])
    np.testing.assert_allclose(intersections_over_unions(predicted, labels, 4), [1 / 3, 4 / 5, np.nan, 1 / 2])
    logits = np.random.default_rng(0).normal(size=(3, 4, 4, 5))
    truth = np.random.default_rng(1).integers(0, 5, (3, 4, 4))
    metric = keras.metrics.MeanIoU(5, sparse_y_pred=False)
    metric.update_state(truth, logits)
    assert mean_iou(logits, truth) == pytest.approx(float(metric.result()), abs=1e-6)


def test_what_is_said_without_labels():
    logits = 20 * np.eye(3)[np.repeat([[0], [1]], 8, axis=0).reshape(2, 2, 4)]
    told = predicted_shares(logits, ("a", "b", "c"))
    assert told["predicted"] == {"a": "50.0 %", "b": "50.0 %", "c": "0.0 %"}
    assert told["score"] == pytest.approx(np.log(2), abs=1e-3)


def test_the_small_network_has_maps_of_four_sizes():
    net = small_net((64, 64, 3), 2)
    model = segmenter(keras.Model(net.input, net.get_layer("features").output), 5, width=16, stride=2)
    assert model.get_layer("decoder").output.shape[1] == 32
    assert model.get_layer("decoder_start_conv").input.shape[1] == 8


@pytest.mark.exhaustive  # most of it is Keras tracing five models
def test_a_run_writes_what_a_recipe_promises(recipe, tmp_path):
    out = tmp_path / "run"
    [metrics] = recipe("--smoke", "--no-int8", "--method", "norms,mcc", "--out", out)
    assert metrics == json.loads((out / "metrics.json").read_text())
    assert (metrics["measure"], metrics["classes"], metrics["n_target"]) == ("mean_iou", 5, 20)
    assert list(metrics["rows"]) == ["source only", "norms + mcc"] == [*metrics["pixel_accuracy"]][:2]
    assert all(0 <= metrics["adapted"][f"target_mean_iou_{which}"] <= 1 for which in ("last", "selected", "oracle"))
    assert metrics["export"]["agreement"] > 0.99 and pathlib.Path(metrics["export"]["path"]).exists()
    test, labels = scenes(8, "dusk", 10_000)
    logits = keras.models.load_model(out / "model.keras").predict(test, verbose=0)
    assert mean_iou(logits, labels) == metrics["rows"][metrics["ships"]]["target_mean_iou_last"]
    page = (out / "report.html").read_text()
    assert all(text in page for text in ("Intersection over union of", "Target scenes", "AdaBN", "Mean intersection"))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--method", "wdgrl"), "`--method` must be some of norms, entropy, mcc, .*each once"),
        (("--images", "4"), "`--source` must hold at least one batch of images.*4 images, batch size 16"),
        (("--width", "0"), "`--width` must be positive"),
        (("--backbone", "MobileNetV99"), "(?s)handle is DIR"),
    ],
)
def test_a_mistake_in_the_flags_is_one_line_and_leaves_no_folder(recipe, tmp_path, flags, message):
    with pytest.raises(SystemExit, match=message):
        recipe(*flags, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()
