from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from tlkeras.export import to_saved_model


def serve(directory, images):
    loaded = tf.saved_model.load(str(directory))  # held: `serve` alone does not keep its variables alive
    return loaded.serve(images).numpy()


def test_gives_the_answers_of_the_model(model, images, tmp_path):
    directory = to_saved_model(model, tmp_path / "new" / "saved_model")
    np.testing.assert_allclose(serve(directory, images[0]), model.predict(images[0], verbose=0), atol=1e-5)
    assert [path.name for path in directory.parent.iterdir()] == ["saved_model"]


def test_only_the_inference_model_of_a_wrapper_ships(model, images, tmp_path):
    directory = to_saved_model(SimpleNamespace(model=model, critic=keras.layers.Dense(1)), tmp_path / "s")
    assert len(tf.saved_model.load(str(directory)).variables) == len(model.variables)


def test_an_older_version_is_replaced_as_a_whole(model, images, tmp_path):
    directory = to_saved_model(model, tmp_path / "s")
    (directory / "left_over").touch()
    other = keras.models.clone_model(model)
    to_saved_model(other, directory)
    np.testing.assert_allclose(serve(directory, images[0]), other.predict(images[0], verbose=0), atol=1e-5)
    assert not (directory / "left_over").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_a_failed_export_leaves_the_old_version(model, images, tmp_path, monkeypatch):
    directory = to_saved_model(model, tmp_path / "s")
    before = serve(directory, images[0])

    def half(self, path, **_):
        (tmp_path / path / "saved_model.pb").write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr(type(model), "export", half)
    with pytest.raises(OSError, match="disk full"):
        to_saved_model(model, directory)
    np.testing.assert_array_equal(serve(directory, images[0]), before)
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_the_swap_without_the_system_call(model, images, tmp_path, monkeypatch):
    monkeypatch.setattr("tlkeras.export.atomic._exchange", lambda first, second: False)
    directory = to_saved_model(model, tmp_path / "s")
    (directory / "left_over").touch()
    to_saved_model(model, directory)
    assert not (directory / "left_over").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_refuses_to_replace_what_is_not_a_saved_model(model, tmp_path):
    (tmp_path / "photo.jpg").write_text("mine")
    with pytest.raises(FileExistsError, match=r"saved_model\.pb.* Received: "):
        to_saved_model(model, tmp_path)
    with pytest.raises(FileExistsError):
        to_saved_model(model, tmp_path / "photo.jpg")
    assert (tmp_path / "photo.jpg").read_text() == "mine"


def test_refuses_what_is_not_a_model(tmp_path):
    with pytest.raises(TypeError, match="Received: 3"):
        to_saved_model(3, tmp_path / "s")
