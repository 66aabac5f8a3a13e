import json
import re

import keras
import numpy as np
import pytest
from PIL import Image

from tlkeras import cli


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of a run, its model as a lone file, samples, names, and photographs."""
    folder = tmp_path_factory.mktemp("bundle")
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3))
    scaled = keras.layers.Rescaling(1 / 255)(inputs)
    logits = keras.layers.Dense(2, kernel_initializer="random_normal")(keras.layers.Flatten()(scaled))
    (folder / "run").mkdir()
    keras.Model(inputs, logits).save(folder / "run" / "model.keras")
    metrics = {"recipe": "image_folder", "class_names": ["ants", "bees"], "backbone": "MobileNetV2", "seed": 0}
    (folder / "run" / "metrics.json").write_text(json.dumps(metrics))
    pixels = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 3)).astype("uint8")
    np.save(folder / "x.npy", pixels)
    (folder / "photos").mkdir()
    for number in range(20):
        Image.fromarray(pixels[number]).resize((30, 20)).save(folder / "photos" / f"{number}.png")
    return folder


@pytest.fixture(autouse=True)
def here(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_run_becomes_a_bundle_that_verifies(folder, tmp_path, capsys):
    made = ["bundle", str(folder / "run"), "--name", "insects", "--quantize", "none,int8", "--format", "litert"]
    assert cli.main([*made, "--samples", str(folder / "x.npy"), "--licence", "Apache-2.0"]) == 0
    printed = capsys.readouterr().out
    assert "model_int8.tflite" in printed and printed.endswith("\nWritten to saved_models/insects/1\n")
    assert "No names" not in printed
    card = (tmp_path / "saved_models/insects/1/README.md").read_text(encoding="utf-8")
    assert "2 classes: ants, bees." in card and "licence of the backbone: Apache-2.0" in card
    assert cli.main(["verify", "saved_models/insects/1"]) == 0
    printed = capsys.readouterr().out
    assert printed.endswith("saved_models/insects/1: nothing is wrong\n") and "predict.py" in printed
    with open("saved_models/insects/1/model_int8.tflite", "r+b") as file:
        file.seek(100)
        byte = file.read(1)[0]
        file.seek(100)
        file.write(bytes([byte ^ 4]))
    assert cli.main(["verify", "saved_models/insects/1"]) == 2
    printed = capsys.readouterr().out
    assert re.search(r"^model_int8.tflite +SHA-256 +failed +is not what was written$", printed, flags=re.MULTILINE)
    assert printed.endswith("saved_models/insects/1: 1 check failed\n")


def test_a_lone_model_with_photographs_and_names_of_its_own(folder, tmp_path, capsys):
    (tmp_path / "names.txt").write_text("ä b\nc\n", encoding="utf-8")
    made = ["bundle", str(folder / "run" / "model.keras"), "--name", "x", "--root", "deep/out", "--format", "litert"]
    assert cli.main([*made, "--class-names", "names.txt", "--samples", str(folder / "photos"), "--version", "7"]) == 0
    assert (tmp_path / "deep/out/x/7/labels.txt").read_text(encoding="utf-8") == "ä b\nc\n"
    with np.load("deep/out/x/7/samples.npz") as stored:
        assert stored["inputs"].shape == (10, 8, 8, 3) and stored["inputs"].dtype == "uint8"
    assert cli.main(made) == 0
    assert "No names of the classes are known" in capsys.readouterr().out and (tmp_path / "deep/out/x/8").is_dir()


def test_export_takes_the_folder_of_a_run(folder, tmp_path):
    assert cli.main(["export", str(folder / "run"), "--out", "out", "--format", "litert"]) == 0
    assert json.loads((tmp_path / "out/export.json").read_text())["model"] == str(folder / "run" / "model.keras")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["none"], r"MODEL must be a \.keras file or the folder of a run.*Received: none$"),
        (["run", "--quantize", "int8"], "int8 needs representative inputs: pass --samples"),
        (["run", "--class-names", "x.npy"], "--class-names cannot be read as text.*x.npy"),
        (["run", "--class-names", "none.txt"], "none.txt"),
        (["run", "--class-names", "names.txt"], "--class-names must be 2 different names.*Received: 1: 'a'"),
        (["run", "--format", "savedmodel"], "--format must have litert"),
        (["run", "--version", "0"], "--version must be a number from 1"),
        (["run", "--page", "--value-range", "none"], "--page is for models that take images"),
        (["run", "--name", "a/b c"], r"--name must end in a name of letters.*Received: .*b c"),
        (["run", "--samples", "empty"], "empty"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(folder, tmp_path, capsys, monkeypatch, flags, message):
    monkeypatch.chdir(folder)
    (folder / "names.txt").write_text("a\n")
    (folder / "empty").mkdir(exist_ok=True)
    assert cli.main(["bundle", "--name", "x", "--root", str(tmp_path / "root"), *flags]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("tlkeras: ") and captured.err.count("\n") == 1
    assert re.search(message, captured.err, flags=re.MULTILINE)
    assert not list(tmp_path.rglob("*.tflite"))


def test_what_is_no_bundle_cannot_be_verified(folder, capsys):
    assert cli.main(["verify", str(folder)]) == 2
    assert capsys.readouterr().err.startswith("tlkeras: BUNDLE must be a bundle, a directory with bundle.json and")
