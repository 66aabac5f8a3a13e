import json
import os
import pathlib
import sys

import keras
import numpy as np
import pytest
from scipy.io import wavfile

from recipes import spoken_digits
from recipes.common import compare_report
from recipes.common.harness import run_recipe
from recipes.common.speakers import write_speakers
from recipes.common.speech_flags import Flags
from recipes.common.speech_task import SpeechTask
from tests.layers.hub_models import save_sound
from tlkeras import data
from tlkeras.export.run import run_litert


@pytest.fixture
def recipe(monkeypatch):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["spoken_digits.py", *map(str, arguments)])
        return run_recipe("spoken_digits", "A new voice.", Flags, spoken_digits.run, compare_report.summarize)

    return call


@pytest.fixture(scope="module")
def voices(tmp_path_factory):
    folder = tmp_path_factory.mktemp("voices")
    write_speakers(folder, words=3, takes=6)
    return folder


@pytest.mark.slow
def test_a_run_takes_waveforms_from_the_first_file_to_the_last(recipe, voices, tmp_path):
    out = tmp_path / "run"
    flags = ("--steps", 20, "--epochs", 2, "--batch-size", 8, "--target", "tenor")
    [metrics] = recipe("--data", voices, *flags, "--out", out)
    assert metrics == json.loads((out / "metrics.json").read_text())
    assert (metrics["source"], metrics["target"], metrics["classes"]) == ("alto,bass,soprano", "tenor", 3)
    assert (metrics["n_source"], metrics["n_target"], metrics["measure"]) == (54, 18, "accuracy")
    tenor = data.waveforms(voices / "tenor.npz", 8000, seconds=0.8)
    model = keras.models.load_model(out / "model.keras")
    answers = model.predict(tenor[:], verbose=0)
    shipped = metrics["rows"][metrics["ships"]]
    assert model.input_shape == (None, 6400)
    assert np.mean(answers.argmax(axis=1) == tenor.labels) == pytest.approx(shipped["target_accuracy_last"])
    [plain], int8 = metrics["exports"], metrics["export"]
    np.testing.assert_allclose(run_litert(plain["path"], tenor[:]), answers, atol=1e-3)
    assert int8["agreement"] >= 0.97 and pathlib.Path(int8["path"]).stat().st_size == int8["bytes"] < plain["bytes"]
    assert (out / "report.html").exists() and not (out / "speakers").exists()


@pytest.mark.slow
def test_without_recordings_it_runs_on_speakers_of_tones(recipe, tmp_path, capsys):
    [metrics] = recipe("--smoke", "--no-int8", "--out", tmp_path / "run")
    assert metrics["target"] == "tenor" and metrics["classes"] == 10 and metrics["n_target"] == 40


@pytest.mark.exhaustive
def test_a_model_of_a_hub_gives_the_features(recipe, voices, tmp_path):
    flags = ("--data", voices, "--steps", 20, "--epochs", 2, "--batch-size", 8, "--no-int8", "--ship", "adapted")
    hub = save_sound(tmp_path / "hub")
    [metrics] = recipe(*flags, "--backbone", hub, "--output", 1, "--out", tmp_path / "run")
    assert metrics["backbone"] == str(hub) and len(metrics["backbone_fingerprint"]) == 64
    model = keras.models.load_model(tmp_path / "run" / "model.keras")
    tenor = data.waveforms(voices / "tenor.npz", 8000, seconds=0.8)
    found = np.mean(model.predict(tenor[:], verbose=0).argmax(axis=1) == tenor.labels)
    assert found == pytest.approx(metrics["adapted"]["target_accuracy_last"])
    assert [layer.name for layer in model.layers][:2] == ["waveform", "hub"]
    features = keras.Model(model.input, model.get_layer("features").output).predict(tenor[:], verbose=0)
    answers = run_litert(metrics["export"]["path"], features)
    np.testing.assert_allclose(answers, model.predict(tenor[:], verbose=0), atol=1e-4)
    with pytest.raises(SystemExit, match="output='default', and the outputs"):
        recipe(*flags, "--backbone", hub, "--out", tmp_path / "other")


def test_folders_of_wavs_are_speakers_too(voices, tmp_path):
    for name in ("alto", "bass"):
        with np.load(voices / f"{name}.npz") as stored:
            bounds = zip(stored["offsets"], stored["offsets"][1:], stored["label"], strict=False)
            for row, (first, last, label) in enumerate(bounds):
                path = tmp_path / "speakers" / name / str(label) / f"{row:02}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                wavfile.write(path, 8000, stored["samples"][first:last])
    task = SpeechTask(Flags(data=str(tmp_path / "speakers")), tmp_path)
    archives = SpeechTask(Flags(data=str(voices), source="alto", target="bass"), tmp_path)
    assert (task.source_names, task.target_name) == (["alto"], "bass") and task.names == ("0", "1", "2")
    np.testing.assert_array_equal(task.source_labels, archives.source_labels)
    np.testing.assert_array_equal(task.target[:], archives.target[:])
    assert (task.target.labels == -1).all() and (task.test_labels == archives.test_labels).all()


def test_the_new_speaker_needs_no_labels(voices, tmp_path):
    for name in ("alto", "bass"):
        (tmp_path / "voices").mkdir(exist_ok=True)
        (tmp_path / "voices" / f"{name}.npz").write_bytes((voices / f"{name}.npz").read_bytes())
    with np.load(voices / "tenor.npz") as stored:
        bounds = zip(stored["offsets"], stored["offsets"][1:], strict=False)
        clips = [stored["samples"][first:last] for first, last in bounds]
    (tmp_path / "voices" / "tenor").mkdir()
    for row, clip in enumerate(clips):
        wavfile.write(tmp_path / "voices" / "tenor" / f"{row:02}.wav", 8000, clip)
    flags = Flags(data=str(tmp_path / "voices"), batch_size=8)
    task = SpeechTask(flags, tmp_path)
    assert task.test_labels is None and task.target_count == 18
    part, rows = task.part(flags, flags.way(["mcc"]))
    assert rows.test is None and rows.source.shape == (36, 49, 32) and rows.target.shape == (18, 49, 32)
    assert part.input_shape == (None, 49, 32) and part.output_shape == (None, 3)
    np.testing.assert_array_equal(task.target[:], SpeechTask(Flags(data=str(voices)), tmp_path).target[:])


def test_training_never_sees_a_label_of_the_new_speaker(voices, tmp_path):
    with np.load(voices / "tenor.npz") as stored:
        parts = dict(stored)
    for name in ("alto", "bass"):
        (tmp_path / f"{name}.npz").write_bytes((voices / f"{name}.npz").read_bytes())
    parts["label"] = parts["label"][::-1]
    np.savez(tmp_path / "tenor.npz", **parts)
    flags = {"source": "alto,bass", "target": "tenor"}
    true = SpeechTask(Flags(data=str(voices), **flags), tmp_path)
    false = SpeechTask(Flags(data=str(tmp_path), **flags), tmp_path)
    assert not np.array_equal(true.test_labels, false.test_labels)
    np.testing.assert_array_equal(true.target[:], false.target[:])
    np.testing.assert_array_equal(true.source_labels, false.source_labels)


def broken(voices, folder, what):
    for path in voices.glob("*.npz"):
        (folder / path.name).write_bytes(path.read_bytes())
    with np.load(folder / "tenor.npz") as stored:
        parts = dict(stored)
    if what == "silence":
        parts["samples"][parts["offsets"][4] : parts["offsets"][5]] = 0
    elif what == "classes":
        parts["label"] += 7
    else:
        for path in folder.glob("*.npz"):
            with np.load(path) as stored:
                np.savez(path, **{**dict(stored), "label": 0 * stored["label"]})
        return
    np.savez(folder / "tenor.npz", **parts)


@pytest.mark.parametrize(
    ("what", "flags", "message"),
    [
        ("silence", (), "tenor.npz/4: it is silent"),
        ("classes", (), "labels \\['7', '8', '9'\\], class_names=\\['0', '1', '2'\\]"),
        ("one class", (), "at least two classes. Received: {'0': 18} of alto"),
        (None, ("--data", "{d}/nowhere"), "`--data` must be a folder of speakers"),
        (None, ("--data", "{t}"), "`--data` must hold at least two speakers"),
        (None, ("--target", "theo"), "different speakers of alto, bass, soprano, tenor. Received: target theo"),
        (None, ("--target", "alto", "--source", "alto,bass"), "must be different speakers"),
        (None, ("--crop", "end"), "`crop` must be one of"),
        (None, ("--seconds", "0"), "`--seconds` must be positive"),
        (None, ("--batch-size", "64"), "`--source` must hold at least one batch of recordings"),
    ],
)
def test_a_mistake_in_the_input_is_one_line_and_leaves_no_folder(recipe, voices, tmp_path, what, flags, message):
    (tmp_path / "voices").mkdir()
    if what:
        broken(voices, tmp_path / "voices", what)
    given = [value.format(d=voices, t=tmp_path / "voices") for value in flags]
    place = tmp_path / "voices" if what else voices
    with pytest.raises(SystemExit, match=message):
        recipe("--data", place, *given, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif("TLKERAS_DATA" not in os.environ, reason="TLKERAS_DATA names no folder with speech/")
def test_real_speakers_are_read(tmp_path):
    task = SpeechTask(Flags(data=os.path.join(os.environ["TLKERAS_DATA"], "speech"), target="nicolas"), tmp_path)
    assert task.names == tuple("0123456789") and task.source_names == ["george", "jackson", "yweweler"]
    assert len(task.source_labels) == 1500 and np.bincount(task.test_labels).tolist() == [50] * 10
    assert task.target[:].shape == (500, 6400) and 0.1 < np.abs(task.target[:]).max() <= 1
