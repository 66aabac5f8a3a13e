import importlib.util

import keras
import numpy as np
import onnx
import pytest

from tlkeras.export import ConversionError, ExportMismatch, onnx_file, run_onnx, to_onnx


def test_the_file_gives_the_answers_of_the_model(model, images, tmp_path):
    facts = to_onnx(model, tmp_path / "m.onnx", samples=images[0])
    assert facts["agreement"] == 1.0 and facts["max_abs_diff"] <= 1e-4 and facts["samples"] == 300
    assert facts["bytes"] == (tmp_path / "m.onnx").stat().st_size
    onnx.checker.check_model(str(tmp_path / "m.onnx"), full_check=True)
    found = run_onnx(tmp_path / "m.onnx", images[0][:7].astype("float32"))
    assert np.allclose(found, model.predict(images[0][:7], verbose=0), atol=1e-4)


@keras.saving.register_keras_serializable("tests")
class Odd(keras.layers.Layer):
    def call(self, inputs):
        return keras.ops.erfinv(inputs / 300)


def test_an_operation_without_a_place_in_onnx_is_named_with_its_layer_and_no_file_is_left(tmp_path):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(3)(Odd(name="odd")(inputs)))
    (tmp_path / "m.onnx").write_bytes(b"old")
    with pytest.raises(ConversionError, match="ONNX has no such operation: Erfinv in layer 'odd'"):
        to_onnx(model, tmp_path / "m.onnx", samples=np.full((5, 4), 9.0))
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_other_answers_are_a_mismatch(model, images, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_file, "run_onnx", lambda path, samples, model: run_onnx(path, samples, model) * 1.1)
    with pytest.raises(ExportMismatch, match="as ONNX does not give the answers .* largest difference"):
        to_onnx(model, tmp_path / "m.onnx", samples=images[0])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"TFL3 and more", None])
def test_what_is_no_onnx_file_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(ValueError, match="`path` must be an ONNX file. Received: .*m.onnx"):
        run_onnx(tmp_path / "m.onnx", np.zeros((1, 4), "float32"))


def test_without_the_extra_it_says_what_to_install(model, images, tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tf2onnx" else find(name))
    with pytest.raises(ImportError, match=r'pip install "tlkeras\[onnx\]". Received: no tf2onnx'):
        to_onnx(model, tmp_path / "m.onnx", samples=images[0])


def test_bad_arguments_are_refused_before_anything_is_converted(model, images, tmp_path):
    for wrong in ({"min_agreement": 0}, {"samples": images[0] / 255}, {"samples": images[0][:0]}):
        with pytest.raises(ValueError, match="must"):
            to_onnx(model, tmp_path / "m.onnx", **{"samples": images[0], **wrong})
    assert not list(tmp_path.iterdir())


def test_the_terminal_stays_quiet(tmp_path, capfd):
    inputs = keras.Input((6, 6, 1))
    larger = keras.layers.Resizing(9, 9, interpolation="nearest")(inputs)  # ONNX Runtime warns of tf2onnx's attribute
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(larger)))
    to_onnx(model, tmp_path / "m.onnx", samples=np.random.default_rng(0).uniform(0, 255, (4, 6, 6, 1)))
    assert capfd.readouterr() == ("", "")
