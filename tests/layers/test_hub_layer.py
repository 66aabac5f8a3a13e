import json
import shutil
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.layers.hub_models import data, hub_data, images, save_keras2, save_module, save_text
from tlkeras.layers.hub_layer import HubLayer
from tlkeras.layers.hub_permission import load


@pytest.fixture(scope="module")
def keras2(tmp_path_factory):
    return save_keras2(tmp_path_factory.mktemp("keras2") / "model")


@pytest.fixture
def own(keras2, tmp_path):
    return shutil.copytree(keras2, tmp_path / "own")


def classifier(layer):
    model = keras.Sequential([keras.Input((8, 8, 3)), layer, keras.layers.Dense(3, name="head")])
    model.compile("adam", "mse", jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    return model


def values(layer):
    return [variable.numpy() for variable in layer.variables]


def moved(before, layer):
    return [not np.array_equal(a, b) for a, b in zip(before, values(layer), strict=True)]


def test_output_equals_the_saved_model(keras2):
    expected = tf.saved_model.load(str(keras2))(images(), training=False)
    np.testing.assert_array_equal(HubLayer(keras2)(images()), expected)


def test_an_adam_step_moves_all_variables_when_trainable(keras2):
    layer = HubLayer(keras2, trainable=True)
    model, before = classifier(layer), values(layer)
    assert (len(layer.trainable_variables), len(layer.variables)) == (4, 6)
    model.fit(images(), np.ones((4, 3)), verbose=0)
    assert all(moved(before, layer))


def test_nothing_moves_when_frozen_even_in_training_mode(keras2):
    layer = HubLayer(keras2)
    model, before = classifier(layer), values(layer)
    assert layer.trainable_variables == []
    model.fit(images(), np.ones((4, 3)), verbose=0)
    np.testing.assert_array_equal(layer(images(), training=True), layer(images(), training=False))
    assert not any(moved(before, layer))


def test_trainable_can_be_switched_on_later(keras2):
    layer = HubLayer(keras2)
    assert layer.losses == []
    layer.trainable = True
    assert len(layer.trainable_variables) == 4 and len(layer.losses) == 1
    before = values(layer)
    layer(images(), training=True)
    assert moved(before, layer) == [False] * 4 + [True] * 2


def test_regularization_losses_count_once_however_often_it_is_called(keras2):
    layer = HubLayer(keras2, trainable=True)
    layer(images()), layer(images())
    kernel = next(v for v in layer.variables if v.ndim == 4).numpy()
    assert float(sum(layer.losses)) == pytest.approx(0.01 * np.square(kernel).sum(), rel=1e-5)


def test_works_in_functional_and_subclassed_models(keras2):
    inputs = keras.Input((8, 8, 3))
    functional = keras.Model(inputs, HubLayer(keras2)(inputs))

    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.hub = HubLayer(keras2, trainable=True)

        def call(self, x, training=None):
            return self.hub(x, training=training)

    subclassed = Subclassed()
    np.testing.assert_array_equal(functional(images()), subclassed(images()))
    assert functional.output_shape == (None, 4) and len(subclassed.trainable_variables) == 4


def test_jit_compile_gives_the_same_output(keras2):
    model = classifier(HubLayer(keras2, trainable=True))
    expected = model.predict(images(), verbose=0)
    model.compile("adam", "mse", jit_compile=True)
    np.testing.assert_allclose(model.predict(images(), verbose=0), expected, atol=1e-5)
    model.fit(images(), np.ones((4, 3)), verbose=0)


def test_mixed_precision_casts_outside_and_keeps_float32_weights(keras2):
    layer = HubLayer(keras2, trainable=True, dtype="mixed_float16")
    outputs = layer(images().astype("float16"))
    assert outputs.dtype == tf.float16 and {v.dtype for v in layer.variables} == {"float32"}
    np.testing.assert_allclose(outputs, HubLayer(keras2)(images()), atol=2e-3)
    model = classifier(layer)
    model.fit(images(), np.ones((4, 3)), verbose=0)


def test_integer_inputs_are_cast(keras2):
    pixels = np.arange(192, dtype="uint8").reshape(1, 8, 8, 3)
    np.testing.assert_array_equal(HubLayer(keras2)(pixels), HubLayer(keras2)(pixels.astype("float32")))


def test_keras_file_loads_where_the_saved_model_is_gone(own, tmp_path):
    model = classifier(HubLayer(own, trainable=True))
    model.fit(images(), np.ones((4, 3)), verbose=0)
    expected = model.predict(images(), verbose=0)
    model.save(tmp_path / "once.keras")
    shutil.rmtree(own)
    once = load(tmp_path / "once.keras")
    once.save(tmp_path / "twice.keras")
    twice = keras.models.load_model(tmp_path / "twice.keras")
    for again in (once, twice):
        assert np.abs(again.predict(images(), verbose=0) - expected).max() == 0.0
        assert again.layers[0].fingerprint == model.layers[0].fingerprint
    for loaded in (model, twice):
        loaded.fit(images(), np.ones((4, 3)), verbose=0)
    for a, b in zip(model.optimizer.variables, twice.optimizer.variables, strict=True):
        assert a.shape == b.shape
    assert int(twice.optimizer.iterations) == 2


def test_weights_file_round_trip(keras2, tmp_path):
    trained, fresh = (classifier(HubLayer(keras2, trainable=True)) for _ in range(2))
    trained.fit(images(), np.ones((4, 3)), verbose=0)
    trained.save_weights(tmp_path / "a.weights.h5")
    fresh.load_weights(tmp_path / "a.weights.h5")
    assert np.abs(fresh.predict(images(), verbose=0) - trained.predict(images(), verbose=0)).max() == 0.0


def test_a_rebuilt_layer_without_values_raises_and_never_reads_zeros(keras2):
    layer = HubLayer(keras2)
    clone = HubLayer.from_config(layer.get_config())
    with pytest.raises(ValueError, match="have no values yet"):
        clone(images())
    with pytest.raises(ValueError, match="have no values yet"):
        clone.get_weights()
    with pytest.raises(tf.errors.InvalidArgumentError, match="have no values yet"):
        tf.function(clone)(images())
    clone.set_weights(layer.get_weights())
    np.testing.assert_array_equal(clone(images()), layer(images()))


def test_export_works_also_after_a_reload(own, tmp_path):
    model = classifier(HubLayer(own, trainable=True))
    model.save(tmp_path / "m.keras")
    shutil.rmtree(own)
    keras.models.load_model(tmp_path / "m.keras").export(tmp_path / "exported", verbose=False)
    exported = tf.saved_model.load(str(tmp_path / "exported"))
    np.testing.assert_allclose(exported.serve(images()), model(images()), atol=1e-6)


def test_text_with_a_table_saves_and_exports_whole(tmp_path):
    source = save_text(tmp_path / "text", tmp_path / "vocabulary.txt")
    layer = HubLayer(source)
    model = keras.Sequential([keras.Input((), dtype="string"), layer])
    words = tf.constant(["dog", "bird", "cat"])
    expected = [[3.0, 4.0], [0.0, 0.0], [1.0, 2.0]]
    np.testing.assert_array_equal(model.predict(words, verbose=0), expected)
    assert not layer.supports_jit
    model.save(tmp_path / "m.keras")
    shutil.rmtree(source)
    again = keras.models.load_model(tmp_path / "m.keras")
    again.export(tmp_path / "exported", verbose=False)
    np.testing.assert_array_equal(again.predict(words, verbose=0), expected)
    del again
    exported = tf.saved_model.load(str(tmp_path / "exported"))
    np.testing.assert_array_equal(exported.serve(words), expected)


def test_permission_is_never_saved_and_is_given_anew(tmp_path):
    source = save_module(tmp_path / "printer", lambda x, weight: _printed(x) * weight)
    model = keras.Sequential([keras.Input((2,)), HubLayer(source, allow_host_ops=True)])
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        config = archive.read("config.json").decode()
    assert "allow_host_ops" not in config and json.loads(config)
    for loader in (keras.models.load_model, load):
        with pytest.raises(ValueError, match="PrintV2"):
            loader(tmp_path / "m.keras")
    np.testing.assert_array_equal(load(tmp_path / "m.keras", allow_host_ops=True)(np.ones((1, 2))), [[1.0, 2.0]])
    with pytest.raises(ValueError, match="PrintV2"):
        keras.models.load_model(tmp_path / "m.keras")


def _printed(x):
    tf.print("seen")
    return x


def test_fingerprint_is_that_of_the_loaded_model_and_not_of_training(keras2, tmp_path):
    layer = HubLayer(keras2, trainable=True)
    first = layer.fingerprint
    layer(images(), training=True)
    assert layer.fingerprint == first == HubLayer(keras2).fingerprint
    assert first != HubLayer(save_module(tmp_path / "other")).fingerprint


def test_strategy_scope(keras2):
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        model = classifier(HubLayer(keras2, trainable=True))
    before = values(model.layers[0])
    model.fit(images(), np.ones((4, 3)), verbose=0)
    assert all(moved(before, model.layers[0]))


def test_trainable_without_trainable_variables_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`trainable` must be False.*Received: trainable=True"):
        HubLayer(save_module(tmp_path / "m"), trainable=True)


def test_a_saved_model_without_call_is_refused(tmp_path):
    module = tf.Module()
    module.f = tf.function(lambda x: x + 1, input_signature=[tf.TensorSpec([None], tf.float32)])
    tf.saved_model.save(module, str(tmp_path / "m"), signatures=module.f)
    with pytest.raises(ValueError, match="__call__.*serving_default.*Received: "):
        HubLayer(tmp_path / "m")


def test_mutable_tables_are_refused_because_a_keras_file_cannot_carry_them(tmp_path):
    table = tf.lookup.experimental.MutableHashTable(tf.string, tf.float32, 0.0)
    with pytest.raises(ValueError, match="state of their own.*Received: "):
        HubLayer(save_module(tmp_path / "m", table=table))


def test_another_backend_is_a_clear_error(keras2, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match="KERAS_BACKEND=tensorflow.*Received: backend 'jax'"):
        HubLayer(keras2)


@data
def test_real_mobilenet_one_adam_step_moves_156_and_the_averages():
    handle = hub_data("mobilenet_v2_035_224_feature_vector")
    x = np.random.default_rng(0).random((2, 224, 224, 3), dtype="float32")
    layer = HubLayer(handle, trainable=True)
    model = keras.Sequential([keras.Input((224, 224, 3)), layer, keras.layers.Dense(2)])
    for trainable in (True, False):
        layer.trainable = trainable
        model.compile("adam", "mse", run_eagerly=True)
        before = [v.numpy() for v in layer._hub_variables]
        model.fit(x, np.ones((2, 2)), verbose=0)
        changed = [not np.array_equal(a, v.numpy()) for a, v in zip(before, layer._hub_variables, strict=True)]
        kinds = [v.trainable or "moving" in v.name for v in layer._hub_variables]
        assert len(layer.trainable_variables) == (156 if trainable else 0)
        assert (len(kinds), sum(changed)) == (260, 260 if trainable else 0)


@data
def test_real_mobilenet_round_trip_without_its_directory(tmp_path):
    source = shutil.copytree(hub_data("mobilenet_v2_035_224_feature_vector"), tmp_path / "mobilenet")
    model = keras.Sequential([keras.Input((224, 224, 3)), HubLayer(source)])
    model.compile(jit_compile=False)
    x = np.random.default_rng(0).random((2, 224, 224, 3), dtype="float32")
    expected = model.predict(x, verbose=0)
    model.save(tmp_path / "m.keras")
    shutil.rmtree(source, ignore_errors=True)
    assert np.abs(load(tmp_path / "m.keras").predict(x, verbose=0) - expected).max() == 0.0


@data
def test_real_glove_embeds_trains_and_round_trips(tmp_path):
    layer = HubLayer(hub_data("glove_50d_text_embedding"), trainable=True)
    model = keras.Sequential([keras.Input((), dtype="string"), layer, keras.layers.Dense(1)])
    model.compile("adam", "mse")
    words = tf.constant(["a good book", "bad"])
    assert layer(words).shape == (2, 50)
    before = values(layer)
    model.fit(words, np.ones((2, 1)), verbose=0)
    assert sum(moved(before, layer)) == 1
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    assert np.abs(again.predict(words, verbose=0) - model.predict(words, verbose=0)).max() == 0.0
