import os
import signal
import sys
import time

import keras
import numpy as np
import pytest

import tlkeras
from tests.cache import processes
from tests.cache.models import expected, frozen_model, images
from tlkeras.cache import source
from tlkeras.cache.features import features

tensorflow_only = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow only")


def files(directory):
    return {path.name: path.stat().st_mtime_ns for path in directory.glob("*.npy")}


def no_pass(*arguments):
    raise AssertionError("computed")


def test_computed_once_for_a_model_that_is_built_anew(tmp_path, monkeypatch, capsys):
    rows = images(20)
    first = features(frozen_model(), rows, directory=tmp_path)
    assert isinstance(first, np.memmap) and not first.flags.writeable and first.dtype == "float32"
    np.testing.assert_allclose(first, expected(frozen_model(), rows), rtol=1e-4, atol=1e-3)
    monkeypatch.setattr(sys.modules["tlkeras.cache.features"], "choose_pass", no_pass)
    np.testing.assert_array_equal(features(frozen_model(), rows.copy(), directory=tmp_path), first)
    assert "found in" in capsys.readouterr().err


def test_whatever_changes_makes_a_new_file(tmp_path):
    rows = images(8)
    features(frozen_model(), rows, directory=tmp_path)
    flip = keras.layers.RandomFlip("horizontal")
    features(frozen_model(1), rows, directory=tmp_path)
    features(frozen_model(), rows[::-1], directory=tmp_path)
    features(frozen_model(), rows.astype("float32"), directory=tmp_path)
    features(frozen_model(), rows, directory=tmp_path, copies=1, augment=flip)
    features(frozen_model(), rows, directory=tmp_path, copies=2, augment=flip)
    features(frozen_model(), rows, directory=tmp_path, copies=2, augment=keras.layers.RandomFlip("vertical"))
    assert len(files(tmp_path)) == 7
    features(frozen_model(), rows, directory=tmp_path, fingerprint="mine")
    assert len(files(tmp_path)) == 8
    assert len(features(frozen_model(), rows[:4], directory=tmp_path, fingerprint="mine")) == 4


def test_training_the_frozen_part_makes_a_new_file(tmp_path):
    model, rows = frozen_model(), images(8)
    before = np.array(features(model, rows, directory=tmp_path))
    model.weights[0].assign(model.weights[0] * 2)
    after = features(model, rows, directory=tmp_path)
    np.testing.assert_allclose(after, expected(model, rows), rtol=1e-4, atol=1e-3)
    assert np.abs(after - before).max() > 1


@pytest.mark.parametrize(("layer", "shape"), [(-1, (5, 4)), (-2, (5, 4, 4, 4))])
def test_vectors_and_feature_maps(tmp_path, layer, shape):
    whole, rows = frozen_model(), images(5)
    model = keras.Model(whole.input, whole.layers[layer].output)
    found = features(model, rows, directory=tmp_path)
    assert found.shape == shape
    np.testing.assert_allclose(found, expected(model, rows), rtol=1e-4, atol=1e-3)


@tensorflow_only
def test_pipelines_datasets_and_arrays_give_the_same_features(tmp_path):
    from tests.cache.test_source import Batches, pipeline

    model, rows = frozen_model(), images(20)
    for data in (rows, Batches(rows, np.arange(20)), pipeline(rows).batch(6), pipeline(rows)):
        found = features(model, data, directory=tmp_path)
        np.testing.assert_allclose(found, expected(model, rows), rtol=1e-4, atol=1e-3)


def test_texts(tmp_path):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("text needs TensorFlow")
    from tests.layers.hub_models import save_text

    layer = tlkeras.layers.HubLayer(save_text(tmp_path / "hub", tmp_path / "words.txt"))
    inputs = keras.Input((), dtype="string")
    model = keras.Model(inputs, layer(inputs))
    words = np.array(["dog", "cat", "unknown"])
    found = features(model, words, directory=tmp_path / "cache")
    np.testing.assert_allclose(found, [[3, 4], [1, 2], [0, 0]])


def test_an_image_folder(tmp_path, monkeypatch):
    from PIL import Image

    for name in ("ants", "bees"):
        for index in range(3):
            path = tmp_path / "photos" / name / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(images(1, seed=len(name) + index)[0]).save(path)
    photos = tlkeras.data.image_folder(tmp_path / "photos", (6, 6))
    found = features(frozen_model(), photos, directory=tmp_path / "cache")
    np.testing.assert_allclose(found, expected(frozen_model(), photos.images()), rtol=1e-4, atol=1e-3)
    monkeypatch.setattr(type(photos), "__getitem__", no_pass)
    features(frozen_model(), photos, directory=tmp_path / "cache")


def test_copies_come_one_after_the_other(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "MOST_ROWS", 3)

    def brighter(rows, seed):
        calls.append(len(rows))
        return rows + np.uint8(len(calls))

    calls, brighter.fingerprint = [], "brighter"
    model, rows = frozen_model(), images(5)
    found = features(model, rows, directory=tmp_path, copies=2, augment=brighter)
    assert calls == [3, 2, 3, 2]
    drawn = np.uint8([1, 1, 1, 2, 2, 3, 3, 3, 4, 4])[:, None, None, None]
    shown = np.concatenate([rows, rows]) + drawn
    np.testing.assert_allclose(found, expected(model, shown), rtol=1e-4, atol=1e-3)


def test_an_altered_file_is_mended(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(source, "MOST_ROWS", 4)
    model, rows = frozen_model(), images(20)
    whole = np.array(features(model, rows, directory=tmp_path))
    [path] = tmp_path.glob("*.npy")
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    capsys.readouterr()
    run = []
    monkeypatch.setattr(
        sys.modules["tlkeras.cache.features"],
        "choose_pass",
        lambda model, sample, left, file: lambda rows: run.append(rows) or expected(model, rows),
    )
    np.testing.assert_allclose(features(model, rows, directory=tmp_path), whole, rtol=1e-5)
    np.testing.assert_array_equal(run, [rows[16:]])
    told = capsys.readouterr().err
    assert "4 of 5 chunks are good and stay" in told and "20 of 20 rows" in told


@pytest.mark.slow
def test_a_killed_pass_goes_on_where_it_stopped(tmp_path, capsys):
    process = processes.start(tmp_path)
    while sum(path.read_text().count("sha256") for path in tmp_path.glob("*.jsonl")) < 4:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not files(tmp_path)
    found = processes.compute(tmp_path)
    told = capsys.readouterr().err
    kept = int(told.split(" of 12 chunks")[0].rsplit(" ", 1)[-1])
    assert 4 <= kept < processes.CHUNKS, told
    rows = np.concatenate([np.full((5, 6, 6, 3), index) for index in range(processes.CHUNKS)])
    np.testing.assert_allclose(found, expected(frozen_model(), rows), rtol=1e-4, atol=1e-3)


@pytest.mark.slow
def test_of_two_processes_one_computes_and_the_other_waits(tmp_path):
    both = [processes.start(tmp_path) for _ in range(2)]
    told = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert sum("60 of 60 rows" in text for text in told) == 1, told
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize(
    "layer", [keras.layers.RandomFlip, lambda: keras.Sequential([keras.layers.RandomRotation(0.1)])]
)
def test_a_model_that_augments_is_refused(tmp_path, layer):
    inputs = keras.Input((6, 6, 3))
    model = keras.Model(inputs, keras.layers.Flatten()(layer()(inputs)))
    with pytest.raises(ValueError, match=r"must not augment.*`augment`, with `copies`. Received: layers \['random_"):
        features(model, images(3), directory=tmp_path)


def test_dropout_and_resizing_are_no_augmentation(tmp_path):
    inputs = keras.Input((6, 6, 3))
    x = keras.layers.Dropout(0.5)(keras.layers.Resizing(3, 3)(inputs))
    assert features(keras.Model(inputs, x), images(3), directory=tmp_path).shape == (3, 3, 3, 3)


def test_inputs_and_outputs_in_a_list_are_one_tensor_each(tmp_path):
    inner = frozen_model()
    model, rows = keras.Model(inner.inputs, inner.outputs), images(5)
    np.testing.assert_allclose(features(model, rows, directory=tmp_path), expected(inner, rows), rtol=1e-4, atol=1e-3)
    features(inner, rows, directory=tmp_path)
    assert len(files(tmp_path)) == 1


def test_several_outputs_are_refused(tmp_path):
    inputs = keras.Input((6, 6, 3))
    model = keras.Model(inputs, [inputs, keras.layers.Flatten()(inputs)])
    with pytest.raises(ValueError, match="one input and one output; of several outputs cache one after the other"):
        features(model, images(3), directory=tmp_path)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (images(3, size=5), r"shape that the model takes, \(6, 6, 3\).*Received: shape \(3, 5, 5, 3\)"),
        (images(3)[0], r"Received: shape \(6, 6, 3\)"),
        (["photos/1.jpg", "photos/2.jpg"], "read them with `tlkeras.data.image_folder`"),
        (np.array(["a"] * 108).reshape(1, 6, 6, 3), "must hold numbers"),
    ],
)
def test_rows_that_do_not_fit_are_refused_before_anything_is_written(tmp_path, data, error):
    with pytest.raises(ValueError, match=error):
        features(frozen_model(), data, directory=tmp_path)
    assert not list(tmp_path.glob("*.npy*"))


def test_images_that_were_scaled_already_are_refused(tmp_path):
    inputs = keras.Input((6, 6, 3))
    model = keras.Model(inputs, keras.layers.Rescaling(1 / 255, name="scaling")(inputs))
    with pytest.raises(ValueError, match=r"look scaled to \[0, 1\]"):
        features(model, images(3) / 255, directory=tmp_path)


def test_features_that_are_not_finite_are_refused(tmp_path):
    rows = images(5).astype("float32")
    rows[3] = np.nan
    with pytest.raises(ValueError, match="first in row 3 of `data`"):
        features(frozen_model(), rows, directory=tmp_path)
    assert not files(tmp_path)
