import keras
import numpy as np
import pytest

from tlkeras.export import export_files
from tlkeras.export.files import read_samples


def test_every_file_and_what_it_was_verified_on(model, images, tmp_path):
    rows = export_files(model, tmp_path / "new" / "out", quantizations=("none", "int8"), samples=images[0])
    names = ["saved_model", "model_float32.tflite", "model_int8.tflite"]
    assert [row["path"] for row in rows] == [str(tmp_path / "new" / "out" / name) for name in names]
    assert [(row["samples"], row["verified_on"]) for row in rows[1:]] == [(150, "every second sample")] * 2


def test_what_cannot_be_verified_is_refused_before_anything_is_written(model, tmp_path):
    tokens = keras.Input((4,), dtype="int32")
    reader = keras.Model(tokens, keras.layers.Flatten()(keras.layers.Embedding(9, 2)(tokens)))
    with pytest.raises(ValueError, match="integer inputs without a `value_range`.*Received: dtype=int32"):
        export_files(reader, tmp_path, value_range=None)
    with pytest.raises(ValueError, match="int8 needs representative inputs"):
        export_files(model, tmp_path, quantizations=("none", "int8"))
    assert not list(tmp_path.iterdir())
    assert export_files(reader, tmp_path, formats=("litert",), value_range=(0, 9))[0]["agreement"] == 1.0


@pytest.mark.parametrize("content", [np.float32(3), np.zeros((1, 4)), np.zeros((0, 4)), np.array(["a", None])])
def test_files_that_are_no_samples(tmp_path, content):
    np.save(tmp_path / "x.npy", content)
    with pytest.raises(ValueError, match="`samples` .*Received: .*x.npy"):
        read_samples(tmp_path / "x.npy")


def test_a_file_cut_short(tmp_path):
    (tmp_path / "x.npy").write_bytes(b"")
    with pytest.raises(ValueError, match="`samples` cannot be read"):
        read_samples(tmp_path / "x.npy")
