import json
import os
import shutil

import numpy as np
import pytest

from tlkeras.bundle import verify_bundle
from tlkeras.bundle.sums import write_sums
from tlkeras.bundle.verify import failures


@pytest.fixture
def copy(bundle, tmp_path):
    return shutil.copytree(bundle, tmp_path / "copy")


def found(path):
    return {row["file"]: (row["result"], row["why"]) for row in verify_bundle(path)}


def flip(path, place=None):
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if place is None else place] ^= 1
    path.write_bytes(content)


def test_a_whole_bundle_passes_wherever_it_lies(copy):
    rows = found(copy)
    models = "float32 int8 int8_integer_io trainable".split()
    files = {"saved_model", "model.onnx", "predict.py", *(f"model_{name}.tflite" for name in models)}
    count = sum(path.is_file() for path in copy.rglob("*")) - 1
    assert {name for name, (result, _) in rows.items() if result == "ok"} == files | {f"{count} files"}
    assert rows["model_int8.c"] == ("not run", "C source, which TensorFlow Lite Micro runs")
    assert not failures(verify_bundle(copy))


def test_one_flipped_byte_in_any_file_is_named_and_nothing_is_run(copy, monkeypatch):
    monkeypatch.setattr("tlkeras.bundle.verify._run", None)  # to call it would be an error
    files = [path for path in sorted(copy.rglob("*")) if path.is_file() and path.stat().st_size]
    assert len(files) > 15
    for path in files:
        whole = path.read_bytes()
        for place in {0, len(whole) // 3, len(whole) - 1}:
            flip(path, place)
            rows = verify_bundle(copy)
            assert failures(rows) == rows and rows, (path, place)
            if path.name != "SHA256SUMS":
                name = path.relative_to(copy).as_posix()
                assert [(row["file"], row["why"]) for row in rows] == [(name, "is not what was written")]
            path.write_bytes(whole)


def test_missing_and_extra_files_are_named(copy):
    (copy / "labels.txt").unlink()
    (copy / "notes").touch()
    assert found(copy) == {
        "labels.txt": ("failed", "is missing"),
        "notes": ("failed", "is not listed in SHA256SUMS"),
    }
    parts = {path.relative_to(copy).as_posix() for path in (copy / "saved_model").rglob("*") if path.is_file()}
    shutil.rmtree(copy / "saved_model")
    os.remove(copy / "bundle.json")
    assert found(copy).keys() == parts | {"bundle.json", "labels.txt", "notes"}


def test_a_file_of_another_model_fails_although_the_sums_are_right(copy):
    shutil.copyfile(copy / "model_int8.tflite", copy / "model_float32.tflite")
    write_sums(copy)
    rows = found(copy)
    assert rows["model_int8.tflite"][0] == "ok"
    assert rows["model_float32.tflite"][0] == rows["predict.py"][0] == "failed"
    assert "written with 1.0000" in rows["model_float32.tflite"][1]


def test_a_broken_file_is_a_failure_and_not_the_end(copy):
    (copy / "model.onnx").write_bytes(b"no model")
    (copy / "model_int8.tflite").write_bytes(b"no model")
    shutil.rmtree(copy / "saved_model" / "variables")
    write_sums(copy)
    rows = found(copy)
    for name in ("model.onnx", "model_int8.tflite", "saved_model"):
        assert rows[name][0] == "failed" and rows[name][1], name
    assert rows["model_float32.tflite"] == rows["predict.py"] == ("ok", "")


def test_the_program_is_run_in_a_process_of_its_own(copy):
    program = (copy / "predict.py").read_text()
    (copy / "predict.py").write_text(program.replace("else found\n", "else -found\n"))
    write_sums(copy)
    assert found(copy)["predict.py"][1].startswith("agreement 0.")
    (copy / "predict.py").write_text("raise SystemExit('no more')")
    write_sums(copy)
    assert found(copy)["predict.py"] == ("failed", "no more")
    (copy / "predict.py").write_text("print('[1, 2')")
    write_sums(copy)
    assert found(copy)["predict.py"][0] == "failed"


def test_stored_answers_are_what_counts(copy):
    with np.load(copy / "samples.npz") as stored:
        inputs, answers = stored["inputs"], stored["answers"]
    np.savez_compressed(copy / "samples.npz", inputs=inputs, answers=answers[:, ::-1])
    write_sums(copy)
    assert len(failures(verify_bundle(copy))) == 7


def test_what_is_no_bundle_is_refused(bundle, tmp_path):
    for path in (tmp_path, tmp_path / "none", bundle / "README.md"):
        with pytest.raises(ValueError, match=f"`path` must be a bundle.*Received: {path}$"):
            verify_bundle(path)
    with pytest.raises(ValueError, match="a version of it may be one"):
        verify_bundle(bundle.parent)


def test_it_needs_no_keras_model(copy):
    assert not list(copy.rglob("*.keras"))
    recorded = json.loads((copy / "bundle.json").read_text())
    assert {row["file"] for row in recorded["files"] if "stored_agreement" in row} == {
        "saved_model", "model_float32.tflite", "model_int8.tflite", "model.onnx", "model_trainable.tflite",
        "model_int8_integer_io.tflite",
    }  # fmt: skip
