import json
import os
import pathlib
import resource
import signal
import sys
import time

import keras
import numpy as np
import pytest
from PIL import Image

from recipes.common import folder_report
from recipes.common.harness import run_recipe
from recipes.image_folder import Flags, run
from tests.recipes.photos import write_photos
from tests.recipes.processes import ROOT, finish, start
from tlkeras import export
from tlkeras.data import image_folder

GLYPHS = ("--backbone", ROOT / "saved_models" / "glyphs")
SMALL = ("--backbone", "applications:MobileNetV2?alpha=0.35&weights=None", "--image-size", 32)
HUB = pathlib.Path(os.environ.get("TLKERAS_DATA", ""), "hub")
FILES = ("config.json", "model.keras", "model_float32.tflite", "saved_model", "report.html")


@pytest.fixture
def recipe(monkeypatch):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["image_folder.py", *map(str, arguments)])
        return run_recipe("image_folder", "Photographs.", Flags, run, folder_report.summarize)

    return call


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("photos") / "train", {"left": 12, "top": 10, "middle": 8})


@pytest.fixture(scope="module")
def unseen(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("unseen") / "test", {"left": 5, "top": 5, "middle": 5}, seed=1)


def test_a_run_writes_what_a_recipe_promises(recipe, photos, unseen, tmp_path):
    out = tmp_path / "run"
    flags = ("--depth", 1, "--method", "l2sp", "--rate", 1e-3, "--batch-size", 8, "--head-rate", 1e-2, "--epochs", 3)
    [metrics] = recipe("--data", photos, "--test", unseen, *GLYPHS, *flags, "--out", out)
    assert metrics == json.loads((out / "metrics.json").read_text())
    assert {"recipe", "source", "target", "seed", "backbone", "backbone_fingerprint", "seconds"} <= set(metrics)
    assert (metrics["classes"], metrics["n_source"], metrics["n_target"]) == (3, 30, 15)
    assert (metrics["method"], metrics["depth"]) == ("fine-tuned, l2sp", "1")
    assert metrics["source_only"]["target_accuracy"] >= 0.8 and metrics["adapted"]["target_accuracy_last"] >= 0.8
    for file in (*metrics["exports"], metrics["export"]):
        assert pathlib.Path(file["path"]).stat().st_size == file["bytes"] and file["agreement"] > 0.9
    assert all((out / name).exists() for name in FILES) and (out / "model_int8.tflite").exists()
    assert list((out / "logs" / "fine-tuned_l2sp").rglob("events.*"))
    assert not (out / "checkpoints").exists() and not (out / "cache").exists()
    test = image_folder(unseen, (8, 8), channels=1, class_names=("left", "middle", "top"))
    found = keras.models.load_model(out / "model.keras").predict(test.images(), verbose=0).argmax(axis=1)
    assert np.mean(found == test.labels) == metrics["adapted"]["target_accuracy_last"]
    page = (out / "report.html").read_text()
    assert all(text in page for text in ("Confusion matrix of fine-tuned, l2sp", "model_int8.tflite", "30", "middle"))


@pytest.mark.exhaustive
def test_the_depth_is_searched_on_training_images_for_every_seed(recipe, photos, unseen, tmp_path, capsys):
    flags = ("--head-epochs", 1, "--epochs", 1, "--no-int8", "--seeds", 2)
    runs = recipe("--data", photos, "--test", unseen, *GLYPHS, *flags, "--out", tmp_path / "run")
    for metrics in runs:
        assert set(metrics["search"]) == {"0", "2", "all"}
        best = max(metrics["search"].values())
        assert metrics["search"][metrics["depth"]] == best
        assert (metrics["method"] == "frozen") == (metrics["depth"] == "0")
    whole = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert set(whole["source_only"]["target_accuracy"]) == {"mean", "sd"} and whole["seed"] == [0, 1]
    assert "of 6 held-out training images" in capsys.readouterr().out
    assert "Depth" in (tmp_path / "run" / "report.html").read_text()


def test_a_file_that_cannot_be_exported_loses_nothing(recipe, photos, tmp_path, monkeypatch, capsys):
    def refuse(model, path, **arguments):
        raise export.ExportMismatch("rounded away")

    monkeypatch.setattr(export, "export_litert", refuse)
    [metrics] = recipe("--data", photos, *GLYPHS, "--smoke", "--depth", 0, "--out", tmp_path / "run")
    assert (
        metrics["export"]["failed"] == "rounded away"
        and "no model_int8.tflite: rounded away" in capsys.readouterr().out
    )
    assert "model_int8.tflite was not written: rounded away" in (tmp_path / "run" / "report.html").read_text()
    assert (tmp_path / "run" / "model.keras").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ((), "`--data` and `--tfds`: give one of them"),
        (("--data", "{p}", "--tfds", "tf_flowers"), "`--data` and `--tfds`: give one of them"),
        (("--data", "{p}/nowhere"), "`--data` must be a folder"),
        (("--data", "{p}", "--test", "{p}/left"), "must lie apart"),
        (("--data", "{p}", "--depth", "deep"), "`--depth` must be a number, all, or search"),
        (("--data", "{p}", "--depth", "5"), "`depth` must be .* in 0..4"),
        (("--data", "{p}", "--depth", "0", "--method", "l2sp"), "`--method` needs blocks to train"),
        (("--data", "{p}", "--method", "l3"), "`--method` must be one of none, l2sp"),
        (("--data", "{p}", "--method", "lora"), "does not take lora at depth all: .* HubLayer"),
        (("--data", "{p}", "--method", "stochnorm"), "does not take stochnorm at depth all: .* HubLayer"),
        (("--data", "{p}", "--epochs", "0"), "`--epochs` must be at least 1"),
        (("--data", "{p}", "--rate", "0"), "`--rate` must be above 0"),
        (("--data", "{p}", "--augment", "-1"), "`--augment` must be at least 0"),
        (("--data", "{p}", "--test-fraction", "1"), "`--test-fraction` must lie between 0 and 1"),
        (("--data", "{p}", "--image-size", "32"), "must fit what the SavedModel takes"),
        (("--data", "{p}", "--backbone", "MobileNetV99"), "(?s)handle is DIR.*Received: MobileNetV99"),
        (("--data", "{p}", "--backbone", "MobileNetV2?weights=no.h5"), "must be|could not be built"),
        (("--tfds", "tf_flowers", "--data-dir", "{p}"), "(?s)TFDS has not prepared.*download_and_prepare"),
    ],
)
def test_a_mistake_in_the_flags_is_one_line_and_leaves_no_folder(recipe, photos, tmp_path, flags, message):
    given = [str(value).format(p=photos) for value in flags]
    with pytest.raises(SystemExit, match=f"^image_folder.py: .*{message}" if "(?s)" not in message else message):
        recipe(*GLYPHS, *given, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_no_keras_hub(recipe, photos, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(SystemExit, match='image_folder.py: Presets need KerasHub: pip install "tlkeras.presets."'):
        recipe("--data", photos, "--backbone", "preset:resnet_18_imagenet", "--out", tmp_path / "run")


def damage(folder):
    (folder / "left" / "zero.jpg").touch()
    (folder / "left" / "text.png").write_text("no image")
    whole = (folder / "top" / "00.png").read_bytes()
    (folder / "top" / "cut.png").write_bytes(whole[: len(whole) // 2])


def test_unreadable_images_are_named_and_skipped_where_asked_for(recipe, tmp_path, capsys):
    photos = write_photos(tmp_path / "photos", {"left": 6, "top": 6})
    damage(photos)
    with pytest.raises(SystemExit) as stopped:
        recipe("--data", photos, *GLYPHS, "--out", tmp_path / "run")
    assert "3 of 15 images" in str(stopped.value) and "pass `--skip-unreadable`" in str(stopped.value)
    assert all(name in str(stopped.value) for name in ("left/zero.jpg", "left/text.png", "top/cut.png"))
    flags = ("--skip-unreadable", "--smoke", "--depth", 0, "--no-int8")
    [metrics] = recipe("--data", photos, *GLYPHS, *flags, "--out", tmp_path / "run")
    assert metrics["n_source"] + metrics["n_target"] == 12
    assert "skipped 3 unreadable images" in capsys.readouterr().out


def change(photos, how):
    if how == "one image":
        for path in sorted((photos / "top").iterdir())[1:]:
            path.unlink()
    elif how == "empty class":
        (photos / "empty").mkdir()
    elif how == "one class":
        for path in (photos / "top").iterdir():
            path.unlink()
        (photos / "top").rmdir()
    elif how == "test inside":
        write_photos(photos / "test", {"left": 1, "top": 1})
    elif how == "parts":
        for name, part in (("left", "train"), ("top", "val")):
            (photos / name).rename(photos / part)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("one image", "at least 2 rows of every class. Received: 1 of class 'top'"),
        ("empty class", "Every class folder must hold an image.*empty"),
        ("one class", "at least two classes. Received: {'left'"),
        ("test inside", "is it a test set .*Received: \\['test'\\]"),
        ("parts", "look like the parts of a data set: choose one"),
    ],
)
def test_folders_that_do_not_fit(recipe, tmp_path, how, message):
    photos = write_photos(tmp_path / "photos", {"left": 4, "top": 4})
    change(photos, how)
    with pytest.raises(SystemExit, match=message):
        recipe("--data", photos, *GLYPHS, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_other_classes_in_the_test_folder(recipe, photos, tmp_path):
    test = write_photos(tmp_path / "test", {"left": 2, "top": 2})
    with pytest.raises(SystemExit, match="missing folders \\['middle'\\]"):
        recipe("--data", photos, "--test", test, *GLYPHS, "--out", tmp_path / "run")


def test_copies_of_training_images_among_the_test_images_are_told(recipe, photos, tmp_path, capsys):
    copies = write_photos(tmp_path / "copies", {"left": 2, "top": 2, "middle": 2})
    recipe("--data", photos, "--test", copies, *GLYPHS, "--smoke", "--depth", 0, "--no-int8", "--out", tmp_path / "run")
    assert "warning: 2 test images are among the training images" in capsys.readouterr().out


@pytest.mark.exhaustive
def test_every_kind_of_image_trains(recipe, tmp_path):
    photos = write_photos(tmp_path / "photos", {"left": 6, "top": 6})
    Image.fromarray(np.full((30, 20), 90, "uint8")).save(photos / "left" / "grey.png")
    Image.fromarray(np.full((30, 20, 4), 90, "uint8")).save(photos / "left" / "transparent.png")
    Image.fromarray(np.full((30, 20), 30000, "uint16")).save(photos / "top" / "sixteen.png")
    turned = Image.fromarray(np.full((30, 20, 3), 90, "uint8"))
    exif = turned.getexif()
    exif[0x112] = 6
    turned.save(photos / "top" / "turned.jpg", exif=exif)
    flags = ("--depth", 0, "--smoke", "--augment", 2, "--no-int8", "--out", tmp_path / "run")
    [metrics] = recipe("--data", photos, *SMALL, *flags)
    assert metrics["n_source"] + metrics["n_target"] == 16 and metrics["depth"] == "0"


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, pytest.param(signal.SIGKILL, marks=pytest.mark.exhaustive)])
def test_a_stopped_run_resumes_to_the_same_result(recipe, photos, unseen, tmp_path, how):
    flags = ("--data", photos, "--test", unseen, *GLYPHS, "--depth", 2, "--epochs", 6, "--batch-size", 4, "--no-int8")
    recipe(*flags, "--out", tmp_path / "whole")
    process = start("image_folder", *flags, "--out", tmp_path / "run", start_new_session=True)
    while not (tmp_path / "run" / "checkpoints" / "fine-tuned" / "state.json").exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    os.killpg(process.pid, how)
    output = process.communicate()[0]
    assert process.returncode != 0 and not (tmp_path / "run" / "metrics.json").exists()
    if how == signal.SIGINT:
        assert "Interrupted. Complete so far" in output and "Traceback" not in output
    finish("image_folder", *flags, "--out", tmp_path / "run", "--resume")
    whole, resumed = (json.loads((tmp_path / name / "metrics.json").read_text()) for name in ("whole", "run"))
    assert resumed["rows"] == whole["rows"]
    first, second = (keras.models.load_model(tmp_path / name / "model.keras") for name in ("whole", "run"))
    for new, old in zip(second.get_weights(), first.get_weights(), strict=True):
        np.testing.assert_allclose(new, old, atol=1e-4)


@pytest.mark.exhaustive
def test_a_full_disk_ends_in_one_line_and_the_run_goes_on_after(recipe, photos, unseen, tmp_path):
    flags = (
        "--data",
        photos,
        "--test",
        unseen,
        *SMALL,
        "--depth",
        1,
        "--epochs",
        1,
        "--no-int8",
        "--out",
        tmp_path / "o",
    )

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # the features are 30 x 1280 floats

    process = start("image_folder", *flags, preexec_fn=small_files)
    output = process.communicate()[0]
    assert process.returncode == 1 and "Traceback" not in output
    assert "image_folder.py: [Errno 27]" in output and "`directory` has become full: make room" in output
    assert f"`--resume --out {tmp_path / 'o'}`" in output
    [metrics] = recipe(*flags, "--resume")
    assert metrics["depth"] == "1" and not metrics["export"].get("failed")


@pytest.mark.exhaustive
@pytest.mark.skipif(not HUB.is_dir() or not HUB.is_absolute(), reason="TLKERAS_DATA is unset: no hymenoptera")
def test_photographs_of_ants_and_bees_on_a_hub_model(recipe, tmp_path):
    data = HUB.parent / "hymenoptera"
    flags = ("--data", data / "train", "--test", data / "val", "--depth", 0, "--head-epochs", 20, "--no-int8")
    hub = HUB / "mobilenet_v2_035_224_feature_vector"
    [metrics] = recipe(*flags, "--backbone", hub, "--out", tmp_path / "run")
    assert (metrics["n_source"], metrics["n_target"]) == (244, 153)
    assert metrics["source_only"]["target_accuracy"] >= 0.88 and metrics["export"]["agreement"] == 1
