import json
import pathlib
import sys

import keras
import numpy as np
import pytest

from recipes import distill_to_edge
from recipes.common import distill_report
from recipes.common.distilling import make_student, open_teacher
from recipes.common.harness import run_recipe
from recipes.common.small_net import small_net
from tests.recipes.photos import write_photos
from tests.recipes.processes import ROOT
from tlkeras import backbones, surgery
from tlkeras.data import image_folder
from tlkeras.transfer import Checkpoint

FAST = ("--epochs", 8, "--batch-size", 8, "--rate", 1e-2, "--no-augment")


@pytest.fixture
def recipe(monkeypatch):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["distill_to_edge.py", *map(str, arguments)])
        return run_recipe("distill_to_edge", "To the edge.", distill_to_edge.Flags, distill_to_edge.run,
                          distill_report.summarize)  # fmt: skip

    return call


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A teacher that knows the photographs of the street, those without their folders, and photographs of a studio."""
    folder = tmp_path_factory.mktemp("place")
    write_photos(folder / "street", {"left": 20, "top": 20, "middle": 20}, seed=1)
    write_photos(folder / "studio", {"left": 12, "top": 10, "middle": 8})
    keras.utils.set_random_seed(0)
    street = image_folder(folder / "street", (16, 16))
    teacher = small_net((16, 16, 3), 3, width=8)
    teacher.compile(keras.optimizers.Adam(1e-2), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    teacher.fit(street.images(), street.labels, batch_size=10, epochs=12, verbose=0)
    assert (teacher.predict(street.images(), verbose=0).argmax(axis=1) == street.labels).mean() > 0.9
    teacher.save(folder / "teacher.keras")
    (folder / "bare").mkdir()
    for index, path in enumerate(sorted((folder / "street").rglob("*.png"))):
        (folder / "bare" / f"{index}.png").write_bytes(path.read_bytes())
    return folder


def given(place):
    return ("--teacher", place / "teacher.keras", "--target", place / "bare")


@pytest.mark.exhaustive
def test_a_run_writes_what_a_recipe_promises(recipe, place, tmp_path, capsys):
    out = tmp_path / "run"
    [metrics] = recipe(*given(place), "--source", place / "studio", "--test", place / "street", "--prune", 0.5, *FAST,
                       "--out", out)  # fmt: skip
    assert metrics == json.loads((out / "metrics.json").read_text())
    assert {"recipe", "source", "target", "seed", "backbone", "backbone_fingerprint", "seconds"} <= set(metrics)
    assert (metrics["classes"], metrics["n_source"], metrics["n_target"]) == (3, 30, 60)
    assert list(metrics["rows"]) == ["teacher", "source labels", "distilled"]
    assert metrics["rows"]["teacher"]["agreement_with_teacher"] == 1
    assert metrics["rows"]["distilled"]["weights"] < 0.5 * metrics["rows"]["teacher"]["weights"]
    assert metrics["adapted"]["target_accuracy_last"] > 0.8 and metrics["adapted"]["agreement_with_teacher"] > 0.8
    names = [pathlib.Path(file["path"]).relative_to(out).as_posix() for file in metrics["files"]]
    assert names == [f"{folder}model_{kind}.tflite" for folder in ("teacher/", "") for kind in ("float32", "int8")]
    for file in metrics["files"]:
        assert pathlib.Path(file["path"]).stat().st_size == file["bytes"] and file["accuracy"] > 0.7
    assert metrics["files"][2]["bytes"] < 0.7 * metrics["files"][0]["bytes"]
    assert metrics["files"][0]["latency_ratio"] == 1
    assert metrics["exports"][0]["path"] == metrics["files"][2]["path"]
    street = image_folder(place / "street", (16, 16))
    found = keras.models.load_model(out / "model.keras").predict(street.images(), verbose=0).argmax(axis=1)
    assert np.mean(found == street.labels) == metrics["adapted"]["target_accuracy_last"]
    page, printed = (out / "report.html").read_text(), capsys.readouterr().out
    assert "Confusion matrix of the student" in page and "teacher/model_float32.tflite" in page
    assert "source labels" in printed and "60 target images, 60 to score" in printed
    assert not (out / "checkpoints").exists()


@pytest.mark.exhaustive
def test_an_interrupted_run_goes_on_without_a_label(recipe, place, tmp_path, monkeypatch):
    flags = (*given(place), "--epochs", 3, "--batch-size", 20, "--no-int8")
    [whole] = recipe(*flags, "--out", tmp_path / "whole")
    assert "target_accuracy_last" not in whole["adapted"] and whole["rows"].keys() == {"teacher", "distilled"}
    assert "Confusion" not in (tmp_path / "whole" / "report.html").read_text()
    epoch_end = Checkpoint.on_epoch_end

    def interrupt(self, epoch, logs=None):
        epoch_end(self, epoch, logs)
        if epoch == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "on_epoch_end", interrupt)
    with pytest.raises(SystemExit, match="Interrupted"):
        recipe(*flags, "--out", tmp_path / "run")
    monkeypatch.setattr(Checkpoint, "on_epoch_end", epoch_end)
    assert recipe(*flags, "--out", tmp_path / "run", "--resume")[0]["rows"] == whole["rows"]


@pytest.mark.slow
def test_a_smoke_run_takes_two_steps_on_few_images(recipe, place, tmp_path, capsys):
    out = tmp_path / "run"
    [metrics] = recipe(*given(place), "--source", place / "studio", "--test", place / "street", "--batch-size", 4,
                       "--no-int8", "--smoke", "--out", out)  # fmt: skip
    assert metrics == json.loads((out / "metrics.json").read_text())
    assert (metrics["n_source"], metrics["n_target"]) == (8, 8) and list(metrics["rows"])[1] == "source labels"
    assert [file["bytes"] for file in metrics["files"]] == [
        (out / name).stat().st_size for name in ("teacher/model_float32.tflite", "model_float32.tflite")
    ]
    assert keras.models.load_model(out / "model.keras").output_shape == (None, 3) and (out / "report.html").exists()
    assert capsys.readouterr().out.count("\n2/2 - ") == 2


def teacher_file(path, *, activation=None, softmax=False, shape=(8, 8, 1)):
    inputs = keras.Input(shape)
    x = keras.layers.Dense(3, activation)(keras.layers.Flatten()(inputs))
    keras.Model(inputs, keras.layers.Softmax()(x) if softmax else x).save(path)
    return path


def test_a_teacher_of_probabilities_teaches_by_logits(tmp_path):
    images = np.random.default_rng(0).uniform(0, 9, (4, 8, 8, 1))
    for how in ({"activation": "softmax"}, {"softmax": True}, {}):
        path = teacher_file(tmp_path / "teacher.keras", **how)
        told = keras.models.load_model(path).predict(images, verbose=0)
        logits = open_teacher(path).predict(images, verbose=0)
        np.testing.assert_allclose(keras.ops.softmax(logits) if how else logits, told, atol=1e-5)
        assert logits.max() > 1 and not open_teacher(path).trainable_weights


def test_every_weight_of_a_student_trains_and_its_averages_follow(tmp_path):
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.BatchNormalization(momentum=0.999)(keras.layers.Conv2D(16, 3)(inputs))
    backbone = keras.Model(inputs, keras.layers.Flatten(name="features")(x))
    backbone.trainable = False
    surgery.classifier(backbone, 3).save(tmp_path / "teacher.keras")
    teacher = open_teacher(tmp_path / "teacher.keras")
    student = make_student("small", 0.5, teacher)
    [norm] = [layer for layer in student.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert norm.momentum == 0.9 and len(student.trainable_weights) == 6 and len(student.non_trainable_weights) == 2
    by_handle = make_student(ROOT / "saved_models" / "glyphs", 0, teacher)
    assert by_handle.output_shape == (None, 3) and len(by_handle.trainable_weights) > 6


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--teacher", "{d}/nothing.keras"), "`--teacher` must be a .keras file"),
        (("--teacher", "{d}/text.keras"), "`--teacher` must be a classifier of images"),
        (("--target", "{d}/nowhere"), "`--target` must be a folder"),
        (("--source", "{d}/nowhere"), "`--source` must be a folder"),
        (("--test", "{d}/two"), "`--test` must have one folder for each class of the model, 3. Received: .*'left'"),
        (("--prune", "2"), "`--prune` must lie between 0 and 1"),
        (("--prune", "0.5", "--student", "MobileNetV2"), "`--prune` takes the place of --student"),
        (("--teacher", "{d}/hub.keras", "--prune", "0.5"), "Received: layer .* \\(HubLayer\\)"),
        (("--student", "MobileNetV99"), "(?s)handle is DIR"),
        (("--epochs", "0"), "`--epochs` must be at least 1"),
        (("--temperature", "0"), "`--temperature` must be above 0"),
    ],
)
def test_a_mistake_in_the_flags_is_one_line_and_leaves_no_folder(recipe, place, tmp_path, flags, message):
    if "hub.keras" in str(flags):
        hub = backbones.from_hub(ROOT / "saved_models" / "glyphs")
        surgery.classifier(hub, 3).save(place / "hub.keras")
    if "text.keras" in str(flags):
        teacher_file(place / "text.keras", shape=(8,))
    if "two" in str(flags) and not (place / "two").exists():
        write_photos(place / "two", {"left": 1, "top": 1})
    values = [value.format(d=place) for value in flags]
    with pytest.raises(SystemExit, match=message):
        recipe(*given(place), *values, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()
