import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from tlkeras.export import ConversionError, run_litert, to_litert


def head(inputs, x):
    return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(x)), name="odd")


def test_float32_gives_the_answers_of_the_model(model, images, tmp_path):
    path = to_litert(model, tmp_path / "new" / "model.tflite")
    expected = model.predict(images[0], verbose=0)
    assert np.ptp(expected) > 1
    assert np.abs(run_litert(path, images[0]) - expected).max() <= 1e-4
    assert [path.name for path in path.parent.iterdir()] == ["model.tflite"]


def test_the_batch_can_be_resized(model, images, tmp_path):
    for quantize in (None, "int8"):
        path = to_litert(model, tmp_path / "m.tflite", quantize=quantize, samples=images[0][:50])
        one_by_one = run_litert(path, images[0][:7])
        interpreter = Interpreter(str(path))
        source, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        assert list(source["shape"]) == [1, 12, 12, 1]
        interpreter.resize_tensor_input(source["index"], [7, 12, 12, 1])
        interpreter.allocate_tensors()
        interpreter.set_tensor(source["index"], np.round(images[0][:7]).astype(source["dtype"]))
        interpreter.invoke()
        step = 0.0 if quantize is None else 0.2  # rounding the pixels; at int8 also a step of the output's scale
        np.testing.assert_allclose(interpreter.get_tensor(result["index"]), one_by_one, atol=0.05 + step)


def test_int8_takes_bytes_and_computes_in_integers(model, images, tmp_path):
    dark = images[0][:50] * 0.5  # the input's scale must not shrink to the brightest representative pixel
    path = to_litert(model, tmp_path / "m.tflite", quantize="int8", samples=dark)
    interpreter = Interpreter(str(path))
    source, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    assert source["dtype"] is np.uint8
    assert source["quantization"] == (pytest.approx(1.0, abs=1e-5), 0)
    assert result["dtype"] is np.float32
    floats = [tensor["name"] for tensor in interpreter.get_tensor_details() if tensor["dtype"] is np.float32]
    assert floats == [result["name"]]


@pytest.mark.parametrize(
    ("kind", "value_range", "taken", "given"),
    [
        ("int8_float_io", (0, 255), "float32", "float32"),
        ("int8_integer_io", (0, 255), "uint8", "int8"),
        ("int8_integer_io", None, "int8", "int8"),
    ],
)
def test_the_types_of_input_and_output_and_the_same_answers(model, images, tmp_path, kind, value_range, taken, given):
    how = {"samples": images[0][:50], "value_range": value_range}
    plain = to_litert(model, tmp_path / "plain.tflite", quantize="int8", **how)
    path = to_litert(model, tmp_path / "m.tflite", quantize=kind, **how)
    interpreter = Interpreter(str(path))
    assert np.dtype(interpreter.get_input_details()[0]["dtype"]) == taken
    (result,) = interpreter.get_output_details()
    assert np.dtype(result["dtype"]) == given
    step = result["quantization"][0] or 1e-6
    np.testing.assert_allclose(run_litert(path, images[0][50:90]), run_litert(plain, images[0][50:90]), atol=step)
    if kind == "int8_integer_io":
        assert not [tensor["name"] for tensor in interpreter.get_tensor_details() if tensor["dtype"] is np.float32]


def test_the_representative_samples_are_not_changed(model, images, tmp_path):
    samples = images[0][:20].copy()
    to_litert(model, tmp_path / "m.tflite", quantize="int8", samples=samples)
    np.testing.assert_array_equal(samples, images[0][:20])


def test_int8_of_a_model_without_a_pixel_range(tmp_path):
    rng = np.random.default_rng(0)
    inputs = keras.Input((6,))
    features = rng.normal(0, 3, (100, 6)).astype("float32")
    model = keras.Model(inputs, keras.layers.Dense(3)(inputs))
    path = to_litert(model, tmp_path / "m.tflite", quantize="int8", samples=features, value_range=None)
    assert Interpreter(str(path)).get_input_details()[0]["dtype"] is np.float32
    expected = model.predict(features, verbose=0)
    assert np.abs(run_litert(path, features) - expected).max() < 0.05 * np.abs(expected).max()


@pytest.mark.parametrize(("quantize", "stored", "share"), [("float16", np.float16, 0.5), ("dynamic", np.int8, 0.25)])
def test_weights_are_smaller_and_the_ends_stay_float(tmp_path, quantize, stored, share):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((512,))
    model = keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Dense(128, "relu")(inputs)))
    features = np.random.default_rng(0).normal(size=(20, 512)).astype("float32")
    plain = to_litert(model, tmp_path / "plain.tflite", value_range=None).stat().st_size
    path = to_litert(model, tmp_path / "m.tflite", quantize=quantize, value_range=None)
    saved = 4 * (512 * 128 + 128 * 10) * (1 - share)  # bytes; the biases stay, int8 adds a scale a channel
    assert plain - path.stat().st_size == pytest.approx(saved, rel=0.03)
    interpreter = Interpreter(str(path))
    kernels = [tensor for tensor in interpreter.get_tensor_details() if np.prod(tensor["shape"]) == 512 * 128]
    assert stored in [tensor["dtype"] for tensor in kernels]
    ends = interpreter.get_input_details() + interpreter.get_output_details()
    assert [end["dtype"] for end in ends] == [np.float32] * 2
    expected = model.predict(features, verbose=0)
    bound = 1e-2 if quantize == "float16" else 0.03 * np.abs(expected).max()
    assert 0 < np.abs(run_litert(path, features) - expected).max() < bound


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"quantize": "int4"}, r"`quantize` must be one of .*'float16', 'dynamic', 'int8'.* Received: 'int4'"),
        ({"quantize": "int8"}, "`samples` must hold representative inputs"),
        ({"quantize": "int8", "samples": np.zeros((5, 8, 8, 1))}, r"`samples` must have the shape .* 12, 12, 1"),
        ({"quantize": "int8", "samples": np.zeros((0, 12, 12, 1))}, r"n >= 1"),
        ({"quantize": "int8", "samples": np.full((5, 12, 12, 1), 0.5)}, r"not scaled to \[0, 1\]"),
        ({"quantize": "int8", "samples": np.full((5, 12, 12, 1), 256)}, "maximum 256"),
        ({"quantize": "int8", "samples": np.full((5, 12, 12, 1), -1)}, "minimum -1"),
        ({"quantize": "int8", "samples": np.full((5, 12, 12, 1), np.nan)}, "must be finite"),
        ({"quantize": "int8", "samples": np.full((5, 12, 12, 1), "a")}, "must be numbers"),
    ],
)
def test_bad_arguments_are_refused_before_the_conversion(model, tmp_path, monkeypatch, arguments, message):
    monkeypatch.setattr(type(model), "export", lambda *_, **__: pytest.fail("converted"))
    with pytest.raises(ValueError, match=message):
        to_litert(model, tmp_path / "m.tflite", **arguments)
    assert not list(tmp_path.iterdir())


def test_models_that_fit_no_single_signature_are_refused(tmp_path):
    one, two = keras.Input((4,)), keras.Input((4,))
    open_shape, text = keras.Input((None, 4)), keras.Input((1,), dtype="string")
    for model, message in (
        (keras.Model([one, two], one + two), "one input and one output"),
        (keras.Model(open_shape, open_shape * 2), "fixed input shape"),
        (keras.Model(text, keras.layers.Identity()(text)), "must take numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            to_litert(model, tmp_path / "m.tflite")


@pytest.mark.parametrize("quantize", [None, "int8"])
def test_an_operation_without_a_builtin_is_named_with_its_layer(images, tmp_path, capfd, quantize):
    inputs = keras.Input((12, 12, 1))
    model = head(inputs, keras.layers.LSTM(3, name="reader")(keras.layers.Reshape((12, 12))(inputs)))
    with pytest.raises(ConversionError, match=r"TensorListReserve in layer 'reader'.*unroll=True"):
        to_litert(model, tmp_path / "m.tflite", quantize=quantize, samples=images[0][:5])
    assert not list(tmp_path.iterdir())
    assert "TensorListReserve" not in capfd.readouterr().err


def test_an_operation_that_stays_float_is_refused_under_int8(images, tmp_path):
    inputs = keras.Input((12, 12, 1))
    model = head(inputs, keras.ops.arctan2(inputs, inputs + 1))
    to_litert(model, tmp_path / "float.tflite")
    with pytest.raises(ConversionError, match=r"8-bit kernel.*Atan2"):
        to_litert(model, tmp_path / "m.tflite", quantize="int8", samples=images[0][:5])


def test_the_terminal_stays_quiet(model, tmp_path, capfd):
    to_litert(model, tmp_path / "m.tflite")
    captured = capfd.readouterr()
    assert captured.out == "" and captured.err == ""
