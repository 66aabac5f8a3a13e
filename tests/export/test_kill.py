"""Real processes, really killed: the directory of an export has all of the old version or all of the new one."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from tlkeras import cli
from tlkeras.export import run_litert
from tlkeras.export.savedmodel import run_saved_model

FILES = ("saved_model", "model_float32.tflite", "model_int8.tflite")
CODE = "import sys; from tlkeras.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture(scope="module")
def versions(tmp_path_factory):
    """Two models that disagree everywhere, and samples."""
    folder = tmp_path_factory.mktemp("versions")
    samples = np.random.default_rng(0).uniform(0, 255, (60, 6, 6, 1)).astype("float32")
    np.save(folder / "x.npy", samples)
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 6, 1))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    for name, sign in (("first", 1), ("second", -1)):
        model = keras.Model(inputs, keras.layers.Dense(3, name="logits")(x))
        kernel = np.random.default_rng(1).normal(size=(36, 3))
        model.layers[-1].set_weights([sign * kernel, sign * np.array([1.0, 2.0, 3.0])])
        model.save(folder / f"{name}.keras")
    return folder, samples


def arguments(folder, out, name):
    to = ["export", str(folder / f"{name}.keras"), "--out", str(out), "--quantize", "none,int8"]
    return [*to, "--samples", str(folder / "x.npy"), "--min-agreement", "0.85"]


def start(folder, out, name):
    command = [sys.executable, "-c", CODE, *arguments(folder, out, name)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def filled(folder, out):
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    assert cli.main(arguments(folder, out, "first")) == 0


def version(folder, out, samples):
    """The one version that everything in a directory belongs to."""
    for _ in range(100):  # the process that moves the files outlives the export by some milliseconds
        if not any(list(work.glob("files/*")) for work in out.glob(".export.*.tmp") if (work / "ready").exists()):
            break
        time.sleep(0.05)
    assert (out / "notes.txt").read_text() == "mine"
    record = json.loads((out / "export.json").read_text())
    found = {os.path.basename(record["model"]).removesuffix(".keras")}
    assert [os.path.basename(row["path"]) for row in record["files"]] == list(FILES)
    answers = [run_saved_model(out / FILES[0], samples), *(run_litert(out / name, samples) for name in FILES[1:])]
    for name in ("first", "second"):
        expected = keras.models.load_model(folder / f"{name}.keras").predict(samples, verbose=0)
        agreements = [float((answer.argmax(-1) == expected.argmax(-1)).mean()) for answer in answers]
        assert min(agreements) > 0.8 or max(agreements) < 0.6, (name, agreements)
        found |= {name} if min(agreements) > 0.8 else set()
    assert len(found) == 1, found
    return found.pop()


def kill_when(process, reached):
    """Kill as soon as a function says so; False when the process has ended before."""
    while process.poll() is None and not reached():
        time.sleep(0.001)
    ended = process.poll() is not None
    process.send_signal(signal.SIGKILL)
    process.wait()
    return not ended


@pytest.mark.slow
def test_killed_while_it_converts_and_while_the_files_move(versions, tmp_path):
    folder, samples = versions
    filled(folder, tmp_path / "out")
    for written in ("files/saved_model", "ready"):  # half of the files are there; they begin to move
        assert version(folder, tmp_path / "out", samples) == "first"
        process = start(folder, tmp_path / "out", "second")
        assert kill_when(process, lambda name=written: any(tmp_path.glob(f"out/.export.*.tmp/{name}")))
    assert version(folder, tmp_path / "out", samples) == "second"
    assert list(tmp_path.glob("out/.*.tmp"))
    assert cli.main(arguments(folder, tmp_path / "out", "first")) == 0
    assert version(folder, tmp_path / "out", samples) == "first"
    assert not list(tmp_path.glob("out/.*"))


@pytest.mark.exhaustive
def test_killed_at_twenty_random_moments(versions, tmp_path):
    folder, samples = versions
    filled(folder, tmp_path / "out")
    began = time.monotonic()
    assert start(folder, tmp_path / "out", "first").wait() == 0
    seconds, draw, counts = time.monotonic() - began, random.Random(0), {"old": 0, "new": 0}
    for number in range(20):
        before = version(folder, tmp_path / "out", samples)
        after = "second" if before == "first" else "first"
        moment = draw.uniform(0, 1.1 * seconds) if number < 15 else draw.uniform(0.9, 1.05) * seconds
        end = time.monotonic() + moment
        kill_when(start(folder, tmp_path / "out", after), lambda end=end: time.monotonic() >= end)
        counts["new" if version(folder, tmp_path / "out", samples) == after else "old"] += 1
    print(counts)
    assert cli.main(arguments(folder, tmp_path / "out", "first")) == 0
    assert version(folder, tmp_path / "out", samples) == "first" and not list(tmp_path.glob("out/.*"))
