import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.layers.hub_models import (
    data,
    hub_data,
    save_encoder,
    save_keras2,
    save_module,
    save_signatures,
    save_sound,
    save_text,
)
from tlkeras.backbones import from_hub
from tlkeras.layers.hub_layer import HubLayer
from tlkeras.layers.hub_permission import load


@pytest.fixture(scope="module")
def keras2(tmp_path_factory):
    return save_keras2(tmp_path_factory.mktemp("keras2") / "model")


def pixels():
    return np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype="uint8")


def save_open(directory):
    module = tf.Module()
    module.__call__ = tf.function(
        lambda x: tf.reduce_mean(x, [1, 2]), input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)]
    )
    tf.saved_model.save(module, str(directory))
    return directory


def test_it_is_a_flat_model_that_scales_and_ends_in_features(keras2):
    backbone = from_hub(keras2)
    assert [type(layer).__name__ for layer in backbone.layers] == ["InputLayer", "Rescaling", "HubLayer", "Identity"]
    assert backbone.layers[-1].name == "features"
    assert (backbone.input_shape, backbone.output_shape) == ((None, 8, 8, 3), (None, 4))


def test_uint8_and_float_pixels_give_what_the_saved_model_gives_for_0_to_1(keras2):
    backbone, bare = from_hub(keras2), HubLayer(keras2)
    expected = bare(pixels().astype("float32") / 255)
    np.testing.assert_allclose(backbone.predict(pixels(), verbose=0), expected, atol=1e-6)
    np.testing.assert_allclose(backbone.predict(pixels().astype("float32"), verbose=0), expected, atol=1e-6)


def test_trainable_is_handed_on(keras2):
    assert len(from_hub(keras2, trainable=True).trainable_variables) == 4
    assert from_hub(keras2).trainable_variables == []


def test_scaling_stays_float32_under_mixed_precision(keras2):
    expected = from_hub(keras2).predict(pixels(), verbose=0)
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        backbone = from_hub(keras2)
    finally:
        keras.config.set_dtype_policy(policy)
    assert backbone.get_layer("scaling").compute_dtype == "float32"
    assert backbone.output.dtype == "float16"
    np.testing.assert_allclose(backbone.predict(pixels(), verbose=0), expected, atol=2e-3)


def test_open_sizes_need_input_shape(tmp_path):
    directory = save_open(tmp_path / "open")
    with pytest.raises(ValueError, match="`input_shape` must be given in full.*Received: input_shape=None"):
        from_hub(directory)
    assert from_hub(directory, input_shape=(5, 6, 3)).input_shape == (None, 5, 6, 3)
    with pytest.raises(ValueError, match="`input_shape` must fit"):
        from_hub(directory, input_shape=(5, 6, 1))


def test_a_contradicting_input_shape_is_refused(keras2):
    assert from_hub(keras2, input_shape=(8, 8, 3)).input_shape == (None, 8, 8, 3)
    for shape in ((9, 8, 3), (8, 8)):
        with pytest.raises(ValueError, match=r"`input_shape` must fit .*\(8, 8, 3\).*Received: "):
            from_hub(keras2, input_shape=shape)


def test_text_goes_in_as_it_is(tmp_path):
    backbone = from_hub(save_text(tmp_path / "text", tmp_path / "v.txt"))
    features = backbone.predict(tf.constant(["dog", "bird"]), verbose=0)
    np.testing.assert_array_equal(features, [[3.0, 4.0], [0.0, 0.0]])
    assert backbone.input_size is None and backbone.value_range is None and backbone.width == 2
    assert [block.name for block in backbone.blocks] == ["embedding"]
    with pytest.raises(ValueError, match="`input_shape` is for a SavedModel that takes one batch of float images"):
        from_hub(tmp_path / "text", input_shape=(8, 8, 3))


def test_of_a_dict_the_output_called_default_is_taken(tmp_path):
    backbone = from_hub(save_encoder(tmp_path / "encoder"))
    ids = np.array([[1, 2, 0, 0, 0, 0]], "int32")
    features = backbone.predict({"input_word_ids": ids, "input_mask": (ids > 0).astype("int32")}, verbose=0)
    np.testing.assert_array_equal(features, [[2.0 * (2 + 4), 2.0 * (3 + 5)]])
    backbone.save(tmp_path / "encoder.keras")
    again = load(tmp_path / "encoder.keras")
    assert sorted(again.input) == ["input_mask", "input_word_ids"]


def test_a_signature(tmp_path):
    directory = save_signatures(tmp_path / "signatures")
    backbone = from_hub(directory, signature="serving_default")
    np.testing.assert_array_equal(backbone.predict(np.ones((1, 2)), verbose=0), [[1.0, 2.0]])
    with pytest.raises(ValueError, match="`trainable_variables`, and for a signature"):
        backbone.get_layer("hub").unfreeze("all")
    with pytest.raises(ValueError, match=r"`output` says which.*and the outputs \['count', 'sum'\]"):
        from_hub(directory, signature="both")
    with pytest.raises(ValueError, match="name one, signature='both'"):
        from_hub(directory)


def test_host_operations_are_refused_and_allowed(tmp_path):
    def noisy(x, weight):
        tf.print("seen")
        return x * weight

    directory = save_module(tmp_path / "noisy", noisy)
    with pytest.raises(ValueError, match="PrintV2"):
        from_hub(directory)
    assert from_hub(directory, allow_host_ops=True).output_shape == (None, 2)


def test_a_keras_file_round_trip_is_exact(keras2, tmp_path):
    backbone = from_hub(keras2)
    backbone.save(tmp_path / "b.keras")
    again = load(tmp_path / "b.keras")
    assert np.abs(again.predict(pixels(), verbose=0) - backbone.predict(pixels(), verbose=0)).max() == 0.0


def test_another_backend_without_tensorflow_is_a_clear_error():
    code = (
        "import sys, types, keras; keras.backend.backend = lambda: 'jax';"
        "sys.modules.update(tensorflow=None, jax=types.ModuleType('jax'));"
        "from tlkeras.backbones import from_hub; from_hub('x')"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert "RuntimeError: HubLayer runs a TensorFlow SavedModel; set KERAS_BACKEND=tensorflow" in done.stderr


@data
def test_real_mobilenet():
    backbone = from_hub(hub_data("mobilenet_v2_035_224_feature_vector"))
    assert (backbone.input_shape, backbone.output_shape) == ((None, 224, 224, 3), (None, 1280))


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return save_sound(tmp_path_factory.mktemp("sound") / "model")


def test_a_model_of_one_waveform_is_called_for_each_row(sound, tmp_path):
    waves = np.random.default_rng(0).normal(size=(3, 400)).astype("float32")
    backbone, bare = from_hub(sound, input_shape=(400,), output=1), HubLayer(sound)
    assert (backbone.input_shape, backbone.output_shape) == ((None, 400), (None, 5))
    expected = [keras.ops.convert_to_numpy(bare(wave)[1]).mean(axis=0) for wave in waves]
    np.testing.assert_allclose(backbone.predict(waves, verbose=0), expected, atol=1e-5)
    backbone.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(waves, verbose=0), backbone.predict(waves, verbose=0))
    scores = from_hub(sound, input_shape=(400,), output=0)
    assert scores.output_shape == (None, 3)


def test_a_model_of_one_waveform_trains(sound):
    backbone = from_hub(sound, trainable=True, input_shape=(400,), output=1)
    model = keras.Sequential([backbone, keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    before = {variable.name: keras.ops.convert_to_numpy(variable) for variable in backbone.trainable_variables}
    waves = np.random.default_rng(0).normal(size=(4, 400)).astype("float32")
    model.fit(waves, np.ones((4, 2)), verbose=0)
    moved = {v.name for v in backbone.trainable_variables if not np.array_equal(before[v.name], v)}
    assert set(before) == {"0_kernel", "1_top"} and moved == {"0_kernel"}  # the scores are not read


def test_a_waveform_needs_its_length_and_its_output(sound):
    with pytest.raises(ValueError, match="`input_shape` must be given in full"):
        from_hub(sound, output=1)
    with pytest.raises(ValueError, match="output=None, and the outputs \\[0, 1, 2\\]"):
        from_hub(sound, input_shape=(400,))
    with pytest.raises(ValueError, match="`rows` needs a SavedModel that takes one tensor"):
        HubLayer(save_pair_of_inputs(sound.parent / "two"), rows=True)


def save_pair_of_inputs(directory):
    module = tf.Module()
    specs = {name: tf.TensorSpec([None, 2], tf.float32) for name in ("left", "right")}
    module.__call__ = tf.function(lambda x: x["left"] + x["right"], input_signature=[specs])
    tf.saved_model.save(module, str(directory))
    return directory
