import os

import keras
import numpy as np
import pytest
import tensorflow as tf

from tlkeras.export import litert_contents, to_litert
from tlkeras.export.contents import open_litert


def converted(model, folder, **settings):
    """Writes a model by the converter alone, with these settings of its target."""
    model.export(folder / "saved", format="tf_saved_model", verbose=False)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved"))
    for name, value in settings.items():
        setattr(converter, name, value)
    (folder / "m.tflite").write_bytes(converter.convert())
    return folder / "m.tflite"


def test_two_dense_layers(dense_files):
    found = {kind: litert_contents(path) for kind, path in dense_files.items()}
    for kind, path in dense_files.items():
        assert found[kind]["bytes"] == os.path.getsize(path)
        assert found[kind]["operations"]["FULLY_CONNECTED"] == 2
        assert [end["shape"] for side in ("inputs", "outputs") for end in found[kind][side]] == [[1, 256], [1, 8]]
        assert {end["dtype"] for side in ("inputs", "outputs") for end in found[kind][side]} == {"float32"}
    assert found["float32"]["operations"] == {"FULLY_CONNECTED": 2}
    assert found["int8"]["operations"] == {"FULLY_CONNECTED": 2, "QUANTIZE": 1, "DEQUANTIZE": 1}
    assert {kind: row["precision"] for kind, row in found.items()} == {
        "float32": "float32", "float16": "float16 weights", "dynamic": "int8 weights", "int8": "fully int8",
    }  # fmt: skip
    assert found["float32"]["tensors"] == {"float32": 7}  # the input, and weights, bias and output of each layer
    assert found["float16"]["tensors"]["float16"] == 4 and found["dynamic"]["tensors"]["int8"] >= 1


def test_bytes_as_input_and_an_operator_that_stays_float(model, images, tmp_path):
    path = to_litert(model, tmp_path / "m.tflite", quantize="int8", samples=images[0][:20])
    assert [end["dtype"] for end in litert_contents(path)["inputs"]] == ["uint8"]
    assert litert_contents(path)["precision"] == "fully int8"
    inputs = keras.Input((12, 12, 1))
    x = keras.layers.Flatten()(keras.ops.arctan2(inputs, inputs + 1))
    mixed = keras.Model(inputs, keras.layers.Dense(2)(x))
    representative = lambda: ([image[np.newaxis]] for image in images[0][:5])  # noqa: E731
    settings = {"optimizations": [tf.lite.Optimize.DEFAULT], "representative_dataset": representative}
    assert litert_contents(converted(mixed, tmp_path, **settings))["precision"] == "mixed"


@pytest.mark.parametrize(
    ("name", "counts", "precision"),
    [
        # a convolution, 13 depthwise separable blocks, the classifier as a convolution
        ("mobilenet_v1_0.25_128_quant", {"CONV_2D": 15, "DEPTHWISE_CONV_2D": 13, "SOFTMAX": 1}, "fully uint8"),
        # 17 inverted residual blocks, ten of them with a shortcut; the first does not expand; first, last, classifier
        ("tf2_mobilenet_v2_1.0_224_ptq", {"CONV_2D": 36, "DEPTHWISE_CONV_2D": 17, "ADD": 10}, "fully int8"),
    ],
)
def test_published_mobilenets(published, name, counts, precision):
    found = litert_contents(published / f"{name}.tflite")
    assert counts.items() <= found["operations"].items() and "DELEGATE" not in found["operations"]
    assert found["precision"] == precision
    assert found["inputs"][0]["dtype"] == "uint8" and found["outputs"][0]["shape"] == [1, 1001]


@pytest.mark.parametrize("content", [b"", b"TFL3", b"PK\x03\x04" + bytes(500), None])
def test_what_is_no_litert_file(dense_files, tmp_path, content):
    whole = dense_files["float32"].read_bytes()
    (tmp_path / "m.tflite").write_bytes(whole[: len(whole) // 2] if content is None else content)
    for read in (litert_contents, open_litert):
        with pytest.raises(ValueError, match=r"must be LiteRT \(.tflite\) files, complete. Received: .*m.tflite, \d+"):
            read(tmp_path / "m.tflite")


def test_directories_and_missing_files(tmp_path):
    with pytest.raises(ValueError, match="Received: the directory"):
        litert_contents(tmp_path)
    with pytest.raises(ValueError, match="Received: no file at .*nowhere"):
        open_litert(tmp_path / "nowhere")


def test_an_operator_that_the_runtime_lacks_is_named(tmp_path, capfd):
    inputs = keras.Input((4, 3))
    model = keras.Model(inputs, keras.layers.LSTM(2)(inputs))
    target = tf.lite.TargetSpec(supported_ops=[tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS])
    path = converted(model, tmp_path, target_spec=target)
    capfd.readouterr()
    with pytest.raises(ValueError, match="Received: FlexTensorListReserve, FlexTensorListStack in .*m.tflite"):
        open_litert(path)
    path.write_bytes(path.read_bytes().replace(b"FlexTensorList", b"SomeTensorList"))
    with pytest.raises(ValueError, match=r"Received: .*SomeTensorList.* in .*m.tflite"):
        open_litert(path)
    assert capfd.readouterr() == ("", "")
