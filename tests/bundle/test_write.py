import json
import os
import shutil
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from tlkeras.bundle import About, BundleError, verify_bundle, write_bundle
from tlkeras.bundle.verify import failures
from tlkeras.bundle.versions import versions
from tlkeras.export.representative import representative_rows


def test_it_holds_what_was_asked_for_and_nothing_of_this_machine(bundle):
    names = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}
    assert {name for name in names if not name.startswith("saved_model/")} == {
        "README.md", "SHA256SUMS", "Containerfile", "bundle.json", "labels.txt", "model.onnx", "model_float32.tflite",
        "model_int8.tflite", "model_int8_integer_io.tflite", "model_int8_integer_io.c", "model_int8_integer_io.h",
        "model_float32.c", "model_float32.h", "model_int8.c", "model_int8.h", "predict.py",
        "model_trainable.tflite", "preprocessing.json", "samples.npz",
    }  # fmt: skip
    facts = json.loads((bundle / "bundle.json").read_text())
    assert (facts["name"], facts["version"], facts["runs"], facts["page"]) == (
        "insects", 1, "model_float32.tflite", False)  # fmt: skip
    assert [row["file"] for row in facts["files"]] == [
        "saved_model", "model_int8_integer_io.tflite", "model_float32.tflite", "model_int8.tflite", "model.onnx",
        "model_int8_integer_io.c", "model_float32.c", "model_int8.c",
        "model_trainable.tflite",
    ]  # fmt: skip
    assert facts["metrics"]["seed"] == 3 and facts["versions"]["ai-edge-litert"]
    for name in ("bundle.json", "README.md", "preprocessing.json", "Containerfile"):
        text = (bundle / name).read_text()
        assert str(bundle.parents[1]) not in text and "/private" not in text


def test_stored_samples_verified_and_did_not_calibrate(bundle, model, images):
    with np.load(bundle / "samples.npz") as stored:
        inputs, answers = stored["inputs"], stored["answers"]
    calibrating = representative_rows(model.predict(images[0].astype("float32"), verbose=0))
    verifying = {row.tobytes() for row in np.delete(images[0], calibrating, axis=0)}
    assert len(verifying) == 100
    assert len(inputs) == 64 and inputs.dtype == "uint8" and {row.tobytes() for row in inputs} <= verifying
    np.testing.assert_allclose(answers, model.predict(inputs.astype("float32"), verbose=0), atol=1e-5)


def test_the_container_has_no_tensorflow_and_copies_what_is_there(bundle):
    lines = (bundle / "Containerfile").read_text().splitlines()
    commands = {line.split()[0]: line.split()[1:] for line in lines if line and line[0].isupper()}
    assert commands["FROM"][0].startswith("python:3.") and commands["FROM"][0].endswith("-slim")
    packages = [word.partition("==")[0] for word in commands["RUN"][3:]]
    assert packages == ["ai-edge-litert", "numpy", "$EXTRA"]
    *copied, place = commands["COPY"]
    assert place == "/bundle/" and all((bundle / name).is_file() for name in copied)
    assert "model_trainable.tflite" not in copied  # predict.py has no gradients to take
    assert {"predict.py", "bundle.json", "preprocessing.json", "labels.txt", "model_int8.tflite"} <= set(copied)


def test_the_next_version_leaves_the_first_alone(model, tmp_path):
    first = write_bundle(model, tmp_path / "x", export={"formats": ("litert",)})
    before = (first / "SHA256SUMS").read_text()
    second = write_bundle(model, tmp_path / "x", export={"formats": ("litert",)})
    assert (first.name, second.name) == ("1", "2") and (first / "SHA256SUMS").read_text() == before
    assert sorted(path.name for path in (tmp_path / "x").iterdir() if path.name[0] != ".") == ["1", "2"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"export": {"formats": ("savedmodel",)}}, "`formats` must have litert.*Received: savedmodel"),
        ({"about": About(class_names=("a", "b"))}, "`class_names` must be 4 different names"),
        ({"version": 0}, "`version` must be a number from 1"),
        ({"page": True, "export": {"value_range": None}}, "`page` is for models that take images.*value_range=None"),
        ({"export": {"samples": np.zeros((9, 3, 3, 3))}}, "`samples` must have the shape"),
        ({"export": {"quantizations": ("int4",)}}, "`quantizations` must be"),
        ({"page": True, "export": {"quantizations": ("int8_integer_io",)}}, "`page` needs a quantisation beside"),
        ({"folder": "a b"}, "`folder` must end in a name.*Received: .*a b"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_no_version(model, tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        write_bundle(model, tmp_path / changes.pop("folder", "x"), **changes)
    assert versions(tmp_path / "x") == [] and not list(tmp_path.glob("x/.*.tmp"))


def test_a_model_that_is_no_classifier_is_refused(tmp_path):
    inputs = keras.Input((8, 8, 1))
    for layer in (keras.layers.Conv2D(3, 1), keras.layers.GlobalAveragePooling2D()):
        with pytest.raises(ValueError, match="`model` must give one number for each of at least two classes"):
            write_bundle(keras.Model(inputs, layer(inputs)), tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_what_does_not_pass_its_own_check_gets_no_name(model, tmp_path, monkeypatch):
    row = {"file": "model.x", "check": "c", "result": "failed", "why": "other answers"}
    monkeypatch.setattr("tlkeras.bundle.write.verify_bundle", lambda path: [row])
    with pytest.raises(BundleError, match="Received: .'model.x: other answers'"):
        write_bundle(model, tmp_path / "x", export={"formats": ("litert",)})
    assert versions(tmp_path / "x") == []


WRITES = """
import sys
import numpy as np
import tlkeras
from tlkeras.bundle import write_bundle
model = tlkeras.load(sys.argv[1])
print("ready", flush=True)
while True:
    write_bundle(model, sys.argv[2], export={"formats": ("litert",)}, version=2)
"""


def killed_when(seen, model, folder):
    """Start a process that writes version 2, and kill it as soon as a file is seen in the unfinished directory."""
    command = [sys.executable, "-W", "ignore", "-c", WRITES, model, folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        end = time.monotonic() + 60
        while not list(folder.glob(f".2.*.tmp/2/{seen}")) and time.monotonic() < end:
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize("seen", ["samples.npz", pytest.param("SHA256SUMS", marks=pytest.mark.exhaustive)])
def test_a_kill_leaves_old_versions_whole_and_no_new_one(bundle, model, tmp_path, seen):
    model.save(tmp_path / "model.keras")
    first = shutil.copytree(bundle, tmp_path / "x" / "1")
    killed_when(seen, tmp_path / "model.keras", tmp_path / "x")
    assert versions(tmp_path / "x") == [1] and list((tmp_path / "x").glob(".2.*.tmp"))
    assert not failures(verify_bundle(first))
    again = write_bundle(model, tmp_path / "x", export={"formats": ("litert",)})
    assert again.name == "2"
    assert list((tmp_path / "x").glob(".2.*.tmp")) == []
