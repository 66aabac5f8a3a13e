"""A head, or the top blocks, trained on cached features is a trained model."""

import keras
import numpy as np
import pytest

import tlkeras
from tests.cache.models import expected, images
from tlkeras.cache import features
from tlkeras.surgery import split


def close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max())


def classifier():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((32, 32, 3), name="image")
    scaled = keras.layers.Rescaling(1 / 127.5, -1, name="scaling")(inputs)
    mobilenet = keras.applications.MobileNetV2(
        (32, 32, 3), alpha=0.35, include_top=False, weights=None, input_tensor=scaled, pooling="avg"
    )
    return tlkeras.surgery.classifier(mobilenet, 3)


@pytest.mark.parametrize("depth", [0, 2])
def test_training_the_rest_on_cached_features_trains_the_model(tmp_path, depth):
    model, rows, labels = classifier(), images(24, size=32), np.arange(24) % 3
    frozen, rest = split(model, depth)
    before = [np.array(variable) for variable in frozen.weights]
    start = expected(model, rows)
    found = features(frozen, rows, directory=tmp_path / "cache")
    close(expected(rest, found), start)
    rest.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
    rest.fit(found, labels, epochs=2, batch_size=8, verbose=0)
    trained = expected(rest, found)
    assert np.abs(trained - start).max() > 0.1 * np.abs(start).max()
    close(expected(model, rows), trained)
    for variable, value in zip(frozen.weights, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    np.testing.assert_array_equal(features(frozen, rows, directory=tmp_path / "cache"), found)
    if depth == 2:
        assert_ships(model, rows, trained, tmp_path)
    assert len(list((tmp_path / "cache").glob("*.npy"))) == 1


def assert_ships(model, rows, trained, tmp_path):
    model.save(tmp_path / "model.keras")
    close(expected(keras.models.load_model(tmp_path / "model.keras"), rows), trained)
    if keras.backend.backend() == "tensorflow":
        tlkeras.export.to_litert(model, tmp_path / "model.tflite")
        close(tlkeras.export.run_litert(tmp_path / "model.tflite", rows), trained)


def test_each_boundary_has_features_of_its_own(tmp_path):
    model, rows = classifier(), images(4, size=32)
    shapes = [features(split(model, depth)[0], rows, directory=tmp_path).shape for depth in (0, 1, 3)]
    assert shapes[0] == (4, 1280) and len(set(shapes)) == 3
