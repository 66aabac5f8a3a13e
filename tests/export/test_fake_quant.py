import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import tlkeras
from tlkeras.export import ExportMismatch, export_litert, litert_contents, run_litert, to_litert
from tlkeras.export.litert import convert
from tlkeras.layers import FakeQuant
from tlkeras.surgery import quantization_aware

layers = keras.layers
KERNELS = ["per_channel", "per_tensor"]
ENDS = [("int8_float_io", "float32 float32"), ("int8_integer_io", "uint8 int8")]


@pytest.fixture(scope="module")
def small(images):
    """A trained network with a residual block, depthwise and lone normalisation, averages and a softmax."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((12, 12, 1), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="scaled")(inputs)
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="conv")(x)
    x = skip = layers.ReLU(6.0, name="conv_relu")(layers.BatchNormalization(name="conv_norm")(x))
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="deep")(x)
    x = layers.ReLU(6.0, name="deep_relu")(layers.BatchNormalization(name="deep_norm")(x))
    x = layers.Conv2D(8, 1, activation="relu", name="point")(x)
    x = layers.Add(name="sum")([skip, layers.BatchNormalization(name="lone")(x)])
    x = layers.Flatten(name="flat")(layers.AveragePooling2D(2, name="pool")(x))
    x = layers.BatchNormalization(name="wide")(layers.Dense(16, "relu", name="hidden")(x))
    model = keras.Model(inputs, layers.Dense(4, "softmax", name="scores")(x), name="small")
    compiled(model).fit(*images, batch_size=10, epochs=5, verbose=0)
    return model


def compiled(model, rate=3e-3):
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", jit_compile=False)
    return model


@pytest.fixture(scope="module", params=[True, pytest.param(False, marks=pytest.mark.slow)], ids=KERNELS)
def trained(small, images, request):
    """`(per_channel, the quantisation-aware model after two epochs)`."""
    aware = quantization_aware(small, images[0][:100], per_channel=request.param, momentum=0.9)
    compiled(aware, 3e-4).fit(*images, epochs=2, verbose=0)
    return request.param, aware


def test_the_file_has_the_integers_of_the_trained_model(trained, images, tmp_path):
    per_channel, aware = trained
    path = to_litert(aware, tmp_path / "m.tflite", quantize="int8")
    contents = litert_contents(path)
    assert contents["precision"] == "fully int8" and contents["inputs"][0]["dtype"] == "uint8"
    assert contents["operations"]["DEPTHWISE_CONV_2D"] == 4, "three scalings are one operation each"
    pixels = np.round(images[0])  # what a file with whole bytes takes
    expected, found = aware.predict(pixels, verbose=0), run_litert(path, pixels)
    assert np.ptp(expected) > 0.5 and np.abs(found - expected).max() * 256 <= 3.01
    assert (np.abs(found - expected) * 256 > 0.5).mean() < 0.25
    tensors = {tuple(tensor["shape"]): tensor for tensor in Interpreter(str(path)).get_tensor_details()}
    kernel, tensor = aware.get_layer("conv").get_weights()[0], tensors[(8, 3, 3, 1)]
    step = np.abs(kernel).max(axis=(0, 1, 2) if per_channel else None) / 127
    np.testing.assert_allclose(tensor["quantization_parameters"]["scales"], np.atleast_1d(step), rtol=1e-5)
    low, high = (float(end) for end in aware.get_layer("conv_relu_fake_quant").range())
    scales = [tensor["quantization"][0] for tensor in Interpreter(str(path)).get_tensor_details()]
    assert low == 0 and np.isclose(scales, high / 255, rtol=1e-5).any()


def test_it_is_verified_like_any_other_model(trained, images, tmp_path):
    _, aware = trained
    transfer = tlkeras.TransferModel(aware, [tlkeras.methods.MCC(tap="hidden")])
    pixels, path = np.round(images[0]), tmp_path / "m.tflite"
    facts = export_litert(transfer, path, quantize="int8", calibration=pixels[:9].copy(), samples=pixels)
    assert facts["agreement"] >= 0.99 and facts["max_abs_diff"] <= 3.01 / 256


@pytest.mark.slow
@pytest.mark.parametrize(("quantize", "ends"), ENDS)
def test_the_ends_are_what_is_asked_for(small, images, tmp_path, quantize, ends):
    aware = quantization_aware(small, images[0][:20])
    contents = litert_contents(to_litert(aware, tmp_path / "m.tflite", quantize=quantize))
    assert contents["precision"] == "fully int8"
    assert f"{contents['inputs'][0]['dtype']} {contents['outputs'][0]['dtype']}" == ends


def test_no_layer_of_it_is_left_in_float(small, images, tmp_path, monkeypatch):
    aware, path = quantization_aware(small, images[0][:20]), tmp_path / "m.tflite"
    other = convert(keras.models.clone_model(small))
    monkeypatch.setattr("tlkeras.export.verify.convert", lambda *_, **__: other)
    with pytest.raises(ExportMismatch):
        export_litert(aware, path, quantize="int8", samples=images[0], max_drop=1.0)
    assert not list(tmp_path.iterdir())


def test_untrained_it_is_post_training_quantisation(small, images, tmp_path):
    aware = quantization_aware(small, images[0][:100])
    ours = run_litert(to_litert(aware, tmp_path / "a.tflite", quantize="int8"), images[0])
    path = to_litert(small, tmp_path / "b.tflite", quantize="int8", samples=images[0][:100])
    assert (ours.argmax(1) == run_litert(path, images[0]).argmax(1)).mean() > 0.97


@pytest.mark.slow
def test_a_float_file_simulates_the_rounding(trained, images, tmp_path):
    _, aware = trained
    rows = images[0][:50]
    path = to_litert(aware, tmp_path / "m.tflite")
    assert litert_contents(path)["precision"] == "float32"
    assert np.abs(run_litert(path, rows) - aware.predict(rows, verbose=0)).max() < 0.02


def test_a_range_of_the_input_that_does_not_fit_is_refused(small, images, tmp_path):
    aware = quantization_aware(small, images[0][:20] / 2, value_range=None)
    with pytest.raises(ValueError, match=r"`value_range` must be the one .* Received: \(0, 255\), its input has .*12"):
        to_litert(aware, tmp_path / "m.tflite", quantize="int8")
    path = to_litert(aware, tmp_path / "m.tflite", quantize="int8", value_range=None)
    assert litert_contents(path)["inputs"][0]["dtype"] == "float32"


def test_a_range_that_was_never_set_is_named(tmp_path):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(2)(FakeQuant(name="empty")(inputs)))
    with pytest.raises(ValueError, match=r"must have a range for all activations.* Received: no range in \['empty'\]"):
        to_litert(model, tmp_path / "m.tflite", quantize="int8", value_range=None)
    assert not list(tmp_path.iterdir())


def test_averages_are_rounded_as_the_kernel_does(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 2)).astype("float32")
    inputs = keras.Input((8, 8, 2))
    aware = quantization_aware(keras.Model(inputs, layers.AveragePooling2D(2)(inputs)), pixels)
    path = to_litert(aware, tmp_path / "m.tflite", quantize="int8")
    np.testing.assert_array_equal(run_litert(path, pixels), aware.predict(pixels, verbose=0))
