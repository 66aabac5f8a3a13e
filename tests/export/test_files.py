import keras
import numpy as np
import pytest

from tlkeras.export import export_files


def test_every_file_and_what_it_was_verified_on(model, images, tmp_path):
    kinds = ("none", "float16", "dynamic", "int8")
    rows = export_files(model, tmp_path / "new" / "out", quantizations=kinds, samples=images[0])
    names = ["saved_model", *(f"model_{kind}.tflite" for kind in ("float32", *kinds[1:]))]
    assert [row["path"] for row in rows] == [str(tmp_path / "new" / "out" / name) for name in names]
    assert [(row["samples"], row["verified_on"]) for row in rows] == [(200, "samples that did not calibrate")] * 5
    drawn, left = rows[-1]["calibration_rows"], rows[-1]["sample_rows"]
    assert len(drawn) == 100 and sorted([*drawn, *left]) == list(range(300))
    predicted = model.predict(images[0][drawn], verbose=0).argmax(-1)
    assert np.ptp(np.bincount(predicted, minlength=4)) <= 1


def test_labels_add_accuracy_and_calibration_of_file_and_model(model, images, tmp_path):
    (row,) = export_files(model, tmp_path, formats=("litert",), samples=images[0], labels=images[1])
    left = row["sample_rows"]
    right = model.predict(images[0][left], verbose=0).argmax(-1) == images[1][left]
    assert row["accuracy"] == row["model_accuracy"] == right.mean() and 0 < row["ece"] < 1
    with pytest.raises(ValueError, match="`labels` need `samples`"):
        export_files(model, tmp_path, labels=images[1])


def test_onnx_and_c_stand_beside_the_others(model, images, tmp_path):
    rows = export_files(model, tmp_path, formats=("litert", "onnx", "c"), samples=images[0])
    names = ("model_float32.tflite", "model.onnx", "model_float32.c")
    assert [row["path"] for row in rows] == [str(tmp_path / name) for name in names]
    assert rows[1]["verified_on"] == "samples that did not calibrate" and rows[2]["bytes"] == rows[0]["bytes"]
    assert (tmp_path / "model_float32.h").exists()


def test_a_file_that_learns_is_no_c_source(model, images, tmp_path):
    rows = export_files(model, tmp_path, formats=("litert", "c", "trainable"), samples=images[0])
    names = ("model_float32.tflite", "model_float32.c", "model_trainable.tflite")
    assert [row["path"] for row in rows] == [str(tmp_path / name) for name in names]
    assert rows[2]["trained_weights"] == 8 * 25 * 4 + 4 and rows[2]["samples"] == 200


@pytest.mark.parametrize(
    "argument", [{"formats": ("c",)}, {"formats": ("litert", "c"), "quantizations": ("none", "dynamic")}]
)
def test_c_without_a_file_that_micro_runs_is_refused_before_anything_is_written(model, tmp_path, argument):
    with pytest.raises(ValueError, match="C source is made of LiteRT files of none or int8"):
        export_files(model, tmp_path, **argument)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "argument", [{"quantizations": ("int4",)}, {"quantizations": "int8"}, {"formats": ("coreml",)}]
)
def test_unknown_names_are_refused_with_the_list(model, tmp_path, argument):
    with pytest.raises(ValueError, match=r"a sequence of names from \('(none', 'float16|savedmodel').*Received"):
        export_files(model, tmp_path, **argument)
    assert not list(tmp_path.iterdir())


def test_half_and_dynamic_need_no_samples(model, tmp_path):
    rows = export_files(model, tmp_path, formats=("litert",), quantizations=("float16", "dynamic"))
    assert [row["verified_on"] for row in rows] == ["random inputs"] * 2


def test_what_cannot_be_verified_is_refused_before_anything_is_written(model, tmp_path):
    tokens = keras.Input((4,), dtype="int32")
    reader = keras.Model(tokens, keras.layers.Flatten()(keras.layers.Embedding(9, 2)(tokens)))
    with pytest.raises(ValueError, match="integer inputs without a `value_range`.*Received: dtype=int32"):
        export_files(reader, tmp_path, value_range=None)
    with pytest.raises(ValueError, match="int8 needs representative inputs"):
        export_files(model, tmp_path, quantizations=("none", "int8"))
    assert not list(tmp_path.iterdir())
    assert export_files(reader, tmp_path, formats=("litert",), value_range=(0, 9))[0]["agreement"] == 1.0
