import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from tlkeras.export.hub_format import to_hub
from tlkeras.layers.hub_layer import HubLayer


def images(seed=0):
    return np.random.default_rng(seed).random((4, 8, 8, 1), dtype="float32")


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3, kernel_regularizer="l2")(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))


def test_the_round_trip_through_hub_layer_is_exact(model, tmp_path):
    layer = HubLayer(to_hub(model, tmp_path / "hub"), trainable=True)
    np.testing.assert_array_equal(layer(images()), model(images()))
    assert len(layer.trainable_variables) == len(model.trainable_variables) == 4
    np.testing.assert_allclose(float(sum(layer.losses)), float(sum(model.losses)), rtol=1e-6)


def test_training_mode_drops_out_and_updates_the_averages_as_keras_does(model, tmp_path):
    layer = HubLayer(to_hub(model, tmp_path / "hub"), trainable=True)
    kept = [v.numpy() for v in model.non_trainable_variables]
    assert not np.array_equal(layer(images(), training=True), layer(images(), training=False))
    for before, after in zip(kept, model.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(before, after)
    model(images(), training=True)
    expected = sorted((v.numpy() for v in model.non_trainable_weights), key=lambda a: a[0])
    moving = sorted((v.numpy() for v in layer.variables if "moving" in v.name), key=lambda a: a[0])
    np.testing.assert_allclose(moving, expected, rtol=1e-5)


def test_it_has_the_parts_of_a_reusable_saved_model(model, tmp_path):
    model.layers[1].trainable = False
    loaded = tf.saved_model.load(str(to_hub(model, tmp_path / "hub")))
    assert len(loaded.trainable_variables) == 2 and len(loaded.variables) >= 6
    assert list(loaded.regularization_losses) == []
    np.testing.assert_array_equal(loaded(images()), loaded(images(), training=False))


def test_tensorflow_hub_reads_it(model, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tensorflow_hub

        layer = tensorflow_hub.KerasLayer(str(to_hub(model, tmp_path / "hub")), trainable=True)
    np.testing.assert_array_equal(layer(images()), model(images()))


def test_an_older_saved_model_is_replaced_and_other_data_is_not(model, tmp_path):
    to_hub(model, tmp_path / "hub")
    model.layers[1].bias.assign([1.0] * 4)
    layer = HubLayer(to_hub(model, tmp_path / "hub"))
    np.testing.assert_array_equal(layer(images()), model(images()))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(FileExistsError):
        to_hub(model, tmp_path / "mine")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["hub", "mine"]


def test_a_failed_write_leaves_nothing(model, tmp_path, monkeypatch):
    def fail(root, path):
        (tf.io.gfile.makedirs(path), tf.io.gfile.GFile(path + "/saved_model.pb", "w").close())
        raise OSError("disk full")

    monkeypatch.setattr(tf.saved_model, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        to_hub(model, tmp_path / "hub")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wrong",
    [keras.layers.Dense(2), keras.Sequential([keras.layers.Dense(2)]), "model"],
)
def test_what_is_not_a_built_model_is_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match="`model` must be a built Keras model.*Received: "):
        to_hub(wrong, tmp_path / "hub")
