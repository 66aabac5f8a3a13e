import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.test_cli import TLKERAS, packages
from tlkeras import cli

GLYPHS = os.path.join(cli.CHECKOUT, "saved_models", "glyphs")


def write(folder, counts, brightness=240, seed=0):
    """Writes images of strokes: across or down, of this brightness on noise."""
    random = np.random.default_rng(seed)
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(0, 60, (16, 16), "uint8")
            start = random.integers(4, 9)
            pixels[(slice(start, start + 3), slice(None))[:: -1 if "down" in name else 1]] = brightness
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("folders")
    write(root / "studio", {"across": 30, "down": 30})
    write(root / "again", {"any": 20, "any_down": 20}, seed=1)
    write(root / "dim", {"any": 20, "any_down": 20}, brightness=70, seed=2)
    return root


@pytest.fixture
def run(folders, capsys):
    def call(*flags, target="again", source="studio"):
        places = ("--source", folders / source, "--target", folders / target)
        code = cli.main(["diagnose", *map(str, places), "--backbone", GLYPHS, *map(str, flags)])
        return code, capsys.readouterr()

    return call


def test_help_imports_the_standard_library_alone():
    printed, imported = packages(TLKERAS[2], "diagnose", "--help")
    assert "tlkeras diagnose" in printed[0] and imported <= packages("pass")[1] | {"tlkeras"}


def test_more_of_the_same_images(run, folders, tmp_path):
    code, captured = run("--out", tmp_path / "deep" / "found.json", "--cache", tmp_path / "cache", "--seed", 3)
    assert code == 0
    assert "60 images, 2 classes" in captured.out and "40 images, no label read" in captured.out
    assert "First to try: no adaptation" in captured.out and "Only 40 target images" in captured.out
    assert "(999 permutations)" in captured.out and "seed 3" in captured.out and "warning" not in captured.out
    content = json.loads((tmp_path / "deep" / "found.json").read_text())
    assert content["counts"] == {"across": 30, "down": 30} and content["n_target"] == 40
    assert content["target"] == str(folders / "again") and content["backbone"] == GLYPHS
    assert content["advice"]["family"] == "no adaptation" and content["class_names"] == ["across", "down"]
    assert "found in" in run("--cache", tmp_path / "cache")[1].err


def test_other_images(run):
    code, captured = run(target="dim")
    assert code == 0 and "First to try: class-aware adaptation" in captured.out


def test_the_source_as_its_own_target_is_warned_of(run):
    code, captured = run(target="studio")
    assert code == 0 and "warning: 60 images of the target are source images too" in captured.out
    assert "no adaptation" in captured.out


def test_mistakes_are_one_line_and_speak_of_flags(run, folders, tmp_path):
    def failed(*flags, **places):
        code, captured = run(*flags, **places)
        assert code == 2 and captured.err.splitlines()[-1 if "\n  " not in captured.err else 0].startswith("tlkeras: ")
        return captured.err

    assert "--source must be a folder of images. Received: " in failed(source="nowhere")
    assert "--target must be a folder of images. Received: " in failed(target="nowhere")
    assert "--out must be the name of a file" in failed("--out", tmp_path)
    assert "--seed must be >= 0. Received: -1" in failed("--seed", -1)
    assert "no_such_folder" in failed("--backbone", "no_such_folder")
    write(tmp_path / "one", {"across": 30})
    assert "--source must have at least two classes. Received: {'across': 30}" in failed(source=tmp_path / "one")
    write(tmp_path / "few", {"any": 19}, seed=5)
    assert "--target must hold at least 20 images. Received: 19" in failed(target=tmp_path / "few")


def test_unreadable_images(run, folders, tmp_path):
    shutil.copytree(folders / "again", tmp_path / "broken")
    (tmp_path / "broken" / "any" / "0.png").write_bytes(b"")
    code, captured = run(target=tmp_path / "broken")
    assert code == 2 and "any/0.png: the file is empty" in captured.err and "pass --skip-unreadable" in captured.err
    code, captured = run("--skip-unreadable", target=tmp_path / "broken")
    assert code == 0 and "skipped 1 unreadable" in captured.out and "39 images" in captured.out
