import json
import pathlib
import sys

import keras
import numpy as np
import pytest

from recipes import adapt_images
from recipes.common import compare, compare_report
from recipes.common.harness import run_recipe
from tests.recipes.photos import write_photos
from tests.recipes.processes import ROOT
from tlkeras.data import image_folder

GLYPHS = ("--backbone", ROOT / "saved_models" / "glyphs")
SMALL = ("--backbone", "applications:MobileNetV2?alpha=0.35&weights=None", "--image-size", 32)
FAST = ("--steps", 40, "--epochs", 2, "--batch-size", 8, "--bottleneck", 16)


@pytest.fixture
def recipe(monkeypatch):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["adapt_images.py", *map(str, arguments)])
        return run_recipe("adapt_images", "Labels elsewhere.", adapt_images.Flags, adapt_images.run,
                          compare_report.summarize)  # fmt: skip

    return call


@pytest.fixture(scope="module")
def domains(tmp_path_factory):
    folder = tmp_path_factory.mktemp("domains")
    write_photos(folder / "studio", {"left": 12, "top": 10, "middle": 8})
    write_photos(folder / "street", {"left": 6, "top": 6, "middle": 6}, seed=1)
    return folder


def pair(domains):
    return ("--source", domains / "studio", "--target", domains / "street")


def test_a_run_writes_what_a_recipe_promises(recipe, domains, tmp_path, capsys):
    out = tmp_path / "run"
    [metrics] = recipe(*pair(domains), "--test", domains / "street", *GLYPHS, *FAST, "--method", "mcc,coral",
                       "--out", out)  # fmt: skip
    assert metrics == json.loads((out / "metrics.json").read_text())
    assert {"recipe", "source", "target", "seed", "backbone", "backbone_fingerprint", "seconds"} <= set(metrics)
    assert (metrics["classes"], metrics["n_source"], metrics["n_target"]) == (3, 30, 18)
    assert metrics["method"] == "mcc + coral" and list(metrics["rows"]) == ["source only", "mcc + coral"]
    assert metrics["adapted"]["target_accuracy_last"] >= 0.8
    assert sum(metrics["adapted"]["predicted"].values()) == 18
    for file in (*metrics["exports"], metrics["export"]):
        assert pathlib.Path(file["path"]).stat().st_size == file["bytes"]
    assert (out / "saved_model").is_dir() and not (out / "checkpoints").exists() and not (out / "cache").exists()
    test = image_folder(domains / "street", (8, 8), channels=1, class_names=("left", "middle", "top"))
    found = keras.models.load_model(out / "model.keras").predict(test.images(), verbose=0).argmax(axis=1)
    assert np.mean(found == test.labels) == metrics["rows"][metrics["ships"]]["target_accuracy_last"]
    assert metrics["ships"] == ("mcc + coral" if metrics["guard"]["trusted"] else "source only")
    page, printed = (out / "report.html").read_text(), capsys.readouterr().out
    shown = (f"Confusion matrix of {metrics['ships']}", "Features of both domains", "information")
    assert all(text in page for text in shown)
    assert metrics["guard"]["words"][0] in page and metrics["guard"]["words"][0] in printed
    assert "source only" in printed and "oracle" in printed and "18 target images, 18 to score" in printed


def test_without_labels_of_the_target_nothing_is_scored_and_no_label_is_read(recipe, domains, tmp_path):
    street = tmp_path / "street"
    street.mkdir()
    for index, path in enumerate(sorted((domains / "street").rglob("*.png"))):
        (street / f"{index}.png").write_bytes(path.read_bytes())
    out = tmp_path / "run"
    [metrics] = recipe("--source", domains / "studio", "--target", street, *GLYPHS, *FAST, "--no-int8", "--out", out)
    assert "target_accuracy_last" not in metrics["adapted"] and metrics["adapted"]["score"] > 0
    page = (out / "report.html").read_text()
    assert "Confusion" not in page and "is taken for" not in page and "information" in page


@pytest.mark.parametrize("backbone", [GLYPHS, pytest.param(SMALL, marks=pytest.mark.exhaustive)], ids=["uncut", "cut"])
def test_blocks_of_the_backbone_train_where_asked_for(recipe, domains, tmp_path, backbone):
    flags = ("--depth", 1, "--smoke", "--batch-size", 8, "--no-int8", "--method", "dann")
    out = tmp_path / "run"
    [metrics] = recipe(*pair(domains), *backbone, *flags, "--out", out)
    assert metrics["depth"] == "1"
    shape = (1, 8, 8, 1) if backbone is GLYPHS else (1, 32, 32, 3)
    logits = keras.models.load_model(out / "model.keras").predict(np.zeros(shape, "uint8"), verbose=0)
    assert np.isfinite(logits).all()


@pytest.mark.exhaustive  # the recipes share what goes on; test_image_folder.py has an interrupted run in the fast tests
def test_an_interrupted_run_goes_on(recipe, domains, tmp_path, monkeypatch):
    flags = (*pair(domains), "--test", domains / "street", *GLYPHS, *FAST, "--no-int8")
    [whole] = recipe(*flags, "--out", tmp_path / "whole")

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(compare, "save_model", interrupt)
    with pytest.raises(SystemExit, match="Interrupted"):
        recipe(*flags, "--out", tmp_path / "run")
    monkeypatch.undo()
    monkeypatch.setattr(sys, "argv", ["adapt_images.py", *map(str, flags), "--out", str(tmp_path / "run"), "--resume"])
    [metrics] = run_recipe("adapt_images", "Labels elsewhere.", adapt_images.Flags, adapt_images.run)
    assert metrics["rows"] == whole["rows"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--source", "{d}/nowhere"), "`--source` must be a folder"),
        (("--target", "{d}/nowhere"), "`--target` must be a folder"),
        (("--test", "{d}/nowhere"), "`--test` must be a folder"),
        (("--test", "{d}"), "class folders"),
        (("--ship", "boat"), "`--ship` must be one of guarded, adapted, source"),
        (("--method", "magic"), "`--method` must be some of dann, .*mcc, each once"),
        (("--method", "mcc,mcc"), "`--method` must be some of"),
        (("--method", "source"), "`--method` must be some of"),
        (("--depth", "deep"), "`--depth` must be a number, or all"),
        (("--depth", "9"), "`depth` must be .* in 0..4"),
        (("--steps", "7", "--epochs", "2"), "`--steps` must be a multiple of --epochs"),
        (("--batch-size", "64"), "`--source` must hold at least one batch of images.*30 images, batch size 64"),
        (("--rate", "-1"), "`--rate` must not be negative"),
        (("--backbone", "MobileNetV99"), "(?s)handle is DIR"),
    ],
)
def test_a_mistake_in_the_flags_is_one_line_and_leaves_no_folder(recipe, domains, tmp_path, flags, message):
    given = [value.format(d=domains) for value in flags]
    with pytest.raises(SystemExit, match=message):
        recipe(*pair(domains), *GLYPHS, *given, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()
