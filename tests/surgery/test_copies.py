import keras
import numpy as np
import pytest

from tlkeras.surgery import frozen_copy
from tlkeras.testing import common


def test_a_copy_answers_alike_and_shares_nothing():
    model = common.small_model(batch_norm=True)
    copy = frozen_copy(model, "start")
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    before = copy.predict(x, verbose=0)
    np.testing.assert_array_equal(before, model.predict(x, verbose=0))
    model.set_weights([array + 1 for array in model.get_weights()])
    np.testing.assert_array_equal(copy.predict(x, verbose=0), before)
    assert not copy.trainable_weights
    assert {v.path for v in copy.weights} == {f"start/{v.path}" for v in model.weights}


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a SavedModel runs under TensorFlow")
def test_a_savedmodel_that_may_touch_the_host_is_copied_with_its_permission(tmp_path):
    import tensorflow as tf

    from tests.layers.hub_models import save_module
    from tlkeras.layers import HubLayer

    def body(x, weight):
        return x * weight + tf.cast(tf.strings.length(tf.io.read_file("/etc/hostname")), tf.float32)

    inputs = keras.Input((2,))
    model = keras.Model(inputs, HubLayer(save_module(tmp_path / "hub", body), allow_host_ops=True, name="hub")(inputs))
    copy = frozen_copy(model, "start")
    x = np.ones((1, 2), "float32")
    np.testing.assert_array_equal(copy(x), model(x))
    assert "allow_host_ops" not in copy.get_layer("hub").get_config()
    model.save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match="allow_host_ops=True"):
        keras.models.load_model(tmp_path / "m.keras")


def test_a_layer_is_refused():
    with pytest.raises(ValueError, match="`model` must be a functional"):
        frozen_copy(keras.layers.Dense(3), "start")
