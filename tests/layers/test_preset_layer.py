import keras
import numpy as np

from tlkeras.layers.preset_layer import PresetLayer

X = np.random.default_rng(0).random((3, 4), dtype="float32")


def inner(named):
    inputs = keras.Input((4,), name="pixel_values")
    x = keras.layers.Dropout(0.5)(keras.layers.BatchNormalization()(inputs))
    return keras.Model({"pixel_values": inputs} if named else inputs, keras.layers.Dense(2)(x))


def test_it_gives_what_the_model_gives_also_one_with_a_named_input():
    for named in (True, False):
        model = inner(named)
        expected = model({"pixel_values": X} if named else X)
        np.testing.assert_array_equal(np.asarray(PresetLayer(model)(X)), np.asarray(expected))


def test_its_weights_are_trained_and_saved_and_training_mode_is_handed_on(tmp_path):
    layer = PresetLayer(inner(True))
    model = keras.Sequential([keras.Input((4,)), layer])
    assert len(layer.trainable_variables) == 4 and len(layer.weights) == 6
    assert not np.array_equal(np.asarray(layer(X, training=True)), np.asarray(layer(X, training=False)))
    model.compile("sgd", "mse")
    before = [np.array(variable) for variable in layer.weights]
    model.fit(X, np.ones((3, 2)), verbose=0)
    assert all(not np.array_equal(a, np.array(v)) for a, v in zip(before, layer.weights, strict=True))
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(np.asarray(again(X)), np.asarray(model(X)))


def test_frozen_it_runs_in_inference_mode_for_batch_normalisation():
    layer = PresetLayer(inner(False))
    layer.trainable = False
    before = [np.array(variable) for variable in layer.weights]
    layer(X, training=True)
    assert all(np.array_equal(a, np.array(v)) for a, v in zip(before, layer.weights, strict=True))
