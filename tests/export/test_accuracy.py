import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tlkeras.data import image_folder
from tlkeras.export import litert_accuracy, litert_contents, to_litert
from tlkeras.export.accuracy import check_classifier


@pytest.fixture
def photos(tmp_path):
    """Dark and light images; one of five light ones is too dark for the threshold of `brightness`."""
    for name, values in {"dark": (10, 40, 90), "light": (60, 180, 200, 220, 250)}.items():
        (tmp_path / "photos" / name).mkdir(parents=True)
        for value in values:
            Image.new("L", (20, 20), value).save(tmp_path / "photos" / name / f"{value}.png")
    return image_folder(tmp_path / "photos", (8, 8))


def brightness(low=0.0, high=255.0, channels=1):
    """A classifier by hand: light above the middle of its range."""
    inputs = keras.Input((6, 6, channels))
    dense = keras.layers.Dense(2)
    outputs = dense(keras.layers.GlobalAveragePooling2D()(inputs))
    weights = np.zeros((channels, 2), "float32")
    weights[0] = -1 / (high - low), 1 / (high - low)
    middle = (low + high) / 2 / (high - low)
    dense.set_weights([weights, np.array([middle, -middle], "float32")])
    return keras.Model(inputs, outputs)


@pytest.mark.parametrize(("low", "high"), [(0, 255), (0, 1), (-1, 1)])
def test_float_inputs_in_their_range(photos, tmp_path, low, high):
    path = to_litert(brightness(low, high, channels=3), tmp_path / "m.tflite", value_range=(low, high))
    assert litert_accuracy(path, photos, value_range=(low, high)) == 7 / 8  # the light image of 60 is below 127


def test_a_wrong_range_is_seen_in_the_accuracy(photos, tmp_path):
    path = to_litert(brightness(-1, 1), tmp_path / "m.tflite", value_range=(-1, 1))
    assert litert_accuracy(path, photos, value_range=(0, 1)) == 5 / 8  # everything is light


def test_quantised_inputs(photos, tmp_path):
    samples = np.random.default_rng(0).integers(0, 256, (50, 6, 6, 1)).astype("uint8")
    path = to_litert(brightness(), tmp_path / "bytes.tflite", quantize="int8", samples=samples)
    assert litert_contents(path)["inputs"][0]["dtype"] == "uint8"
    assert litert_accuracy(path, photos) == litert_accuracy(path, photos, value_range=(-1, 1)) == 7 / 8
    brightness(-1, 1).export(tmp_path / "saved", format="tf_saved_model", verbose=False)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved"))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([row[np.newaxis] / np.float32(127.5) - 1] for row in samples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    (tmp_path / "int8.tflite").write_bytes(converter.convert())
    assert litert_accuracy(tmp_path / "int8.tflite", photos, value_range=(-1, 1)) == 7 / 8


def test_files_that_are_no_classifier_of_these_images(photos, dense_files, tmp_path):
    dense = litert_contents(dense_files["float32"])
    with pytest.raises(ValueError, match=r"must take one image .* Received: .*\[1, 256\].* in a.tflite"):
        check_classifier(dense, photos.class_names, "a.tflite")
    found = litert_contents(to_litert(brightness(), tmp_path / "m.tflite"))
    check_classifier(found, photos.class_names, "b.tflite")
    with pytest.raises(ValueError, match=r"as many class folders .* Received: 3 folders \(a, b, c\), 2 outputs in b"):
        check_classifier(found, ("a", "b", "c"), "b.tflite")
