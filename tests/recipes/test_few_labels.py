import json
import os
import signal
import sys
import time

import numpy as np
import pytest
from PIL import Image

from recipes.common import labels_report
from recipes.common.harness import run_recipe
from recipes.few_labels import Flags, chosen_rows, plans, run
from tests.recipes.photos import write_photos
from tests.recipes.processes import ROOT, finish, start
from tlkeras.data import image_folder

GLYPHS = ("--backbone", ROOT / "saved_models" / "glyphs")
SHORT = ("--head-epochs", 2, "--epochs", 2, "--batch-size", 4, "--depth", 1)


@pytest.fixture
def recipe(monkeypatch):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["few_labels.py", *map(str, arguments)])
        return run_recipe("few_labels", "Labels.", Flags, run, labels_report.summarize)

    return call


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("photos") / "train", {"left": 14, "top": 10})


def test_a_run_of_two_seeds(recipe, photos, tmp_path):
    out = tmp_path / "run"
    flags = ("--labels", "25%,4", "--methods", "l2sp", "--seeds", 2)
    runs = recipe("--data", photos, *GLYPHS, *SHORT, *flags, "--out", out)
    for metrics in runs:
        assert {text: row["images"] for text, row in metrics["rows"].items()} == {"25%": 5, "4": 8}
        for row in metrics["rows"].values():
            assert list(row["accuracy"]) == ["frozen", "fine-tuned", "l2sp"]
            assert all(0 <= value <= 1 for value in row["accuracy"].values())
    text = (out / "few_labels.md").read_text()
    values = [100 * metrics["rows"]["4"]["accuracy"]["l2sp"] for metrics in runs]
    assert "| | 25% (5) | 4 (8) |" in text and "python few_labels.py" in text
    line = next(line for line in text.splitlines() if line.startswith("| l2sp |"))
    assert line.split("|")[3].strip() == f"{np.mean(values):.1f} ± {np.std(values, ddof=1):.1f}"
    with Image.open(out / "few_labels.png") as picture:
        assert min(picture.size) > 300
    page = (out / "report.html").read_text()
    assert "25% (5)" in page and "l2sp" in page and "training images" in page
    whole = json.loads((out / "metrics.json").read_text())
    assert whole["rows"]["4"]["accuracy"]["l2sp"]["mean"] == pytest.approx(np.mean(values) / 100)
    assert json.loads((out / "config.json").read_text())["backbone_fingerprint"] == runs[0]["backbone_fingerprint"]


def test_fewer_labels_are_among_more(photos):
    images = image_folder(photos, (8, 8))
    chosen = [set(chosen_rows(images, text, 0)) for text in ("1", "15%", "50%", "100%")]
    assert [len(rows) for rows in chosen] == [2, 4, 12, 24]
    assert chosen[0] <= chosen[1] <= chosen[2] <= chosen[3]
    assert set(chosen_rows(images, "1", 1)) != chosen[0]


def test_from_scratch_only_where_there_is_an_architecture(photos, tmp_path):
    found = plans(Flags(str(photos), backbone="MobileNetV2?alpha=0.35&weights=f.h5"), (224, 224, 3), tmp_path, 0)
    assert list(found)[:3] == ["from scratch", "frozen", "fine-tuned"] and len(found) == 9
    scratch = found["from scratch"]
    assert (scratch.handle, scratch.depth) == ("applications:MobileNetV2?alpha=0.35&weights=None", "all")
    assert "from scratch" not in plans(Flags(str(photos), backbone="saved_models/glyphs"), (8, 8, 1), tmp_path, 0)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--methods", "l2sp,l3"), "`--methods` must be some of none, l2sp"),
        (("--labels", "0%"), "`--labels` must be shares in 1%..100%"),
        (("--labels", "15%,"), "`--labels` must be shares in 1%..100%"),
        (("--labels", "101%"), "`--labels` must be shares in 1%..100%"),
        (("--depth", "0"), "`--depth` must be at least 1"),
        (("--depth", "5", "--methods", "bss"), "not take none at depth 5, bss at depth 5: `depth` must be .* in 0..4"),
        ((), "not take stochnorm at depth 4: .*\n.*not take lora at depth 4: "),
        (("--labels", "2,9", "--methods", "bss"), "n=9, and 8 rows of class 'top'"),
    ],
)
def test_a_mistake_stops_before_anything_trains(recipe, photos, tmp_path, flags, message):
    with pytest.raises(SystemExit, match=f"^few_labels.py: .*{message}"):
        recipe("--data", photos, *GLYPHS, *flags, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.exhaustive
def test_every_row_trains_on_an_application(recipe, photos, tmp_path):
    backbone = ("--backbone", "applications:MobileNetV2?alpha=0.35&weights=None", "--image-size", 32)
    [metrics] = recipe(
        "--data", photos, *backbone, "--smoke", "--depth", 2, "--labels", "50%", "--out", tmp_path / "run"
    )
    names = "from scratch,frozen,fine-tuned,l2sp,delta,bss,bituning,stochnorm,lora".split(",")
    assert {text: list(row["accuracy"]) for text, row in metrics["rows"].items()} == {"50%": names}


@pytest.mark.slow
@pytest.mark.exhaustive
def test_a_killed_run_resumes_to_the_same_table(photos, tmp_path):
    flags = ("--data", photos, *GLYPHS, *SHORT, "--labels", "2,4", "--methods", "l2sp")
    finish("few_labels", *flags, "--out", tmp_path / "whole")
    process = start("few_labels", *flags, "--out", tmp_path / "run", start_new_session=True)
    while not (tmp_path / "run" / "checkpoints" / "2" / "l2sp" / "state.json").exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert set(json.loads((tmp_path / "run" / "rows.json").read_text())["2"]["accuracy"]) == {"frozen", "fine-tuned"}
    output = finish("few_labels", *flags, "--out", tmp_path / "run", "--resume")
    assert "2 (4 images), frozen" not in output and "2 (4 images), l2sp" in output
    whole, resumed = (json.loads((tmp_path / name / "rows.json").read_text()) for name in ("whole", "run"))
    assert resumed == whole
