import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.layers.hub_models import Preprocessor, data, hub_data, save_encoder, save_module, save_signatures
from tlkeras.layers.hub_call import callable_of, fitted
from tlkeras.layers.hub_layer import HubLayer

WORDS = tf.constant(["ab", "héé"])
X = np.array([[1.0, 2.0], [3.0, 4.0]], "float32")


@pytest.fixture
def text(tmp_path):
    """A preprocessor and an encoder in one functional model, from strings to vectors."""
    tf.saved_model.save(Preprocessor(), str(tmp_path / "preprocessor"))
    save_encoder(tmp_path / "encoder")
    sentences = keras.Input((), dtype="string")
    inputs = HubLayer(tmp_path / "preprocessor", name="preprocessor")(sentences)
    outputs = HubLayer(tmp_path / "encoder", name="encoder")(inputs)
    return keras.Model(sentences, outputs["default"])


def test_a_preprocessor_and_an_encoder_are_chained_by_their_dicts(text):
    # 97, 98, 104 and 233 modulo 7 are 6, 0, 6 and 2; the sum of their rows, times 2.
    rows = np.arange(14.0).reshape(7, 2)
    expected = [2 * (rows[6] + rows[0]), 2 * (rows[6] + 2 * rows[2])]
    np.testing.assert_array_equal(text(WORDS), expected)
    np.testing.assert_array_equal(text.predict(WORDS, verbose=0), expected)


def test_dicts_survive_a_keras_file_and_an_export_without_the_directories(text, tmp_path):
    expected = text(WORDS).numpy()
    fingerprint = text.get_layer("encoder").fingerprint
    text.save(tmp_path / "m.keras")
    for name in ("preprocessor", "encoder"):
        shutil.rmtree(tmp_path / name)
    again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again(WORDS), expected)
    assert again.get_layer("encoder").fingerprint == fingerprint
    again.export(tmp_path / "exported", verbose=False)
    exported = tf.saved_model.load(str(tmp_path / "exported"))
    np.testing.assert_array_equal(exported.serve(WORDS), expected)


def test_dict_outputs_are_cast_each_by_its_own_dtype(tmp_path):
    layer = HubLayer(save_signatures(tmp_path / "m"), signature="both", dtype="mixed_float16")
    outputs = layer({"x": X, "y": X})
    assert {name: value.dtype for name, value in outputs.items()} == {"sum": tf.float16, "count": tf.int32}


def test_a_model_of_two_inputs_as_keras_2_wrote_it(tmp_path):
    import tf_keras

    left, right = (tf_keras.layers.Input((2,), name=name) for name in ("left", "right"))
    model = tf_keras.Model([left, right], tf_keras.layers.Subtract()([left, right]))
    model.save(tmp_path / "list", save_format="tf")
    layer = HubLayer(tmp_path / "list")
    inputs = [keras.Input((2,)), keras.Input((2,))]
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "m.keras")
    shutil.rmtree(tmp_path / "list")
    for one in (model, keras.models.load_model(tmp_path / "m.keras")):
        np.testing.assert_array_equal(one([X, np.ones_like(X)]), X - 1)
        np.testing.assert_array_equal(one.predict([X, np.ones_like(X)], verbose=0), X - 1)


def test_signatures_run_where_there_is_no_call(tmp_path):
    save_signatures(tmp_path / "m")
    single = HubLayer(tmp_path / "m", signature="serving_default")
    np.testing.assert_array_equal(single(X), X * [1, 2])
    both = HubLayer(tmp_path / "m", signature="both")
    inputs = {name: keras.Input((2,), name=name) for name in "xy"}
    model = keras.Model(inputs, both(inputs)["sum"])
    assert single.fingerprint != both.fingerprint
    model.save(tmp_path / "m.keras")
    shutil.rmtree(tmp_path / "m")
    again = keras.models.load_model(tmp_path / "m.keras")
    assert (again.layers[-1].signature, again.layers[-1].fingerprint) == ("both", both.fingerprint)
    again.export(tmp_path / "exported", verbose=False)
    exported = tf.saved_model.load(str(tmp_path / "exported"))
    for run in (model, again, exported.serve):
        np.testing.assert_array_equal(run({"x": tf.constant(X), "y": tf.ones_like(X)}), (X + 1) * [1, 2])


def test_what_keras_3_exports_runs_by_its_signature(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    model.export(tmp_path / "exported", verbose=False)
    layer = HubLayer(tmp_path / "exported", signature="serving_default")
    np.testing.assert_allclose(layer(X), model(X), atol=1e-6)


def test_a_signature_is_for_inference_only(tmp_path):
    save_signatures(tmp_path / "m")
    with pytest.raises(ValueError, match="`trainable` must be False.*Received: trainable=True, signature='both'"):
        HubLayer(tmp_path / "m", trainable=True, signature="both")
    layer = HubLayer(tmp_path / "m", signature="serving_default")
    layer.trainable = True
    assert layer.trainable_variables == [] and len(layer.variables) == 1


@pytest.mark.parametrize(
    ("signature", "match"),
    [
        (None, r"only the signatures \['both', 'serving_default'\]: name one, signature='both'.*Received: "),
        ("default", r"`signature` must be one of the SavedModel's, \['both', 'serving_default'\].*'default' for "),
    ],
)
def test_a_missing_or_wrong_signature_lists_those_that_are_there(tmp_path, signature, match):
    with pytest.raises(ValueError, match=match):
        HubLayer(save_signatures(tmp_path / "m"), signature=signature)


def test_a_saved_model_without_signatures_says_so(tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path / "empty"))
    with pytest.raises(ValueError, match=r"only the signatures \[\]"):
        HubLayer(tmp_path / "empty")


def test_a_call_of_two_tensors_in_a_row_is_refused(tmp_path):
    module = tf.Module()
    module.__call__ = tf.function(lambda x, y: x + y, input_signature=[tf.TensorSpec([None], tf.float32)] * 2)
    tf.saved_model.save(module, str(tmp_path / "m"))
    with pytest.raises(ValueError, match="as one dict or list.*Received: "):
        HubLayer(tmp_path / "m")


@pytest.mark.parametrize("wrong", [X, {"x": X}, {"x": X, "z": X}, [X, X]])
def test_inputs_of_another_structure_are_a_clear_error(tmp_path, wrong):
    layer = HubLayer(save_signatures(tmp_path / "m"), signature="both")
    with pytest.raises(ValueError, match="`inputs` must be what the SavedModel takes, .*'x'.*'y'.*Received: "):
        layer(wrong)


def test_a_dict_for_a_single_tensor_is_a_clear_error(tmp_path):
    with pytest.raises(ValueError, match=r"`inputs` must be what the SavedModel takes.*Received: \['x'\]"):
        HubLayer(save_module(tmp_path / "m"))({"x": X})


def test_inputs_are_cast_and_ordered_as_taken():
    takes = {"a": tf.TensorSpec([None], tf.int32), "b": [tf.TensorSpec([None], tf.float32)]}
    given = fitted({"b": (np.array([1], "int64"),), "a": np.array([2.0])}, takes, "x")
    assert list(given) == ["a", "b"]
    assert (given["a"].dtype, given["b"][0].dtype) == (tf.int32, tf.float32)


def test_training_is_handed_on_only_where_there_is_such_an_argument(tmp_path):
    inputs = {name: tf.ones([1, 6], tf.int32) for name in ("input_word_ids", "input_mask")}
    encoder = callable_of(tf.saved_model.load(str(save_encoder(tmp_path / "e"))), None, "x")
    outputs = [encoder(inputs, training)["default"].numpy() for training in (True, False)]
    np.testing.assert_array_equal(outputs[0] - outputs[1], np.ones((1, 2)))
    plain = callable_of(tf.saved_model.load(str(save_module(tmp_path / "m"))), None, "x")
    np.testing.assert_array_equal(plain(X, True), plain(X, False))


@data
def test_real_glove_has_no_training_argument_and_its_signature_is_the_same():
    layer = HubLayer(hub_data("glove_50d_text_embedding"))
    words = tf.constant(["a good book"])
    np.testing.assert_array_equal(layer(words, training=True), layer(words, training=False))
    signature = HubLayer(hub_data("glove_50d_text_embedding"), signature="serving_default")
    np.testing.assert_array_equal(signature(words), layer(words))
