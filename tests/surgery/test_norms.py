import pathlib

import keras
import numpy as np
import pytest

from tlkeras.surgery import classifier, stoch_norm
from tlkeras.testing import common


def convolutional():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    x = keras.layers.BatchNormalization(momentum=0.9, epsilon=0.01, name="norm")(x)
    model = classifier(keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x)), 3, bottleneck=5)
    model.set_weights([np.random.default_rng(0).uniform(0.5, 2, w.shape) for w in model.get_weights()])
    return model


def test_inference_is_the_same_and_training_is_not(tmp_path):
    model = convolutional()
    model.get_layer("norm").trainable = False
    changed = stoch_norm(model, p=0.7)
    x = np.random.default_rng(1).normal(size=(6, 8, 8, 3)).astype("float32")
    expected = model.predict(x, verbose=0)
    np.testing.assert_array_equal(changed.predict(x, verbose=0), expected)
    norms = [layer for layer in changed.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert [(type(norm).__name__, norm.p, norm.trainable) for norm in norms] == [
        ("StochNorm", 0.7, False),
        ("StochNorm", 0.7, True),
    ]
    assert (norms[0].momentum, norms[0].epsilon) == (0.9, 0.01)
    assert [layer.name for layer in changed.layers[1:]] == [layer.name for layer in model.layers[1:]]
    changed.save(tmp_path / "m.keras")
    restored = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(restored.predict(x, verbose=0), expected)
    common.compile_model(changed)
    changed.fit(x, np.zeros(6, int), verbose=0)
    np.testing.assert_array_equal(model.predict(x, verbose=0), expected)  # the old model kept its weights


def test_what_has_no_batch_norm_is_refused():
    with pytest.raises(ValueError, match="must have BatchNormalization layers. Received: layers .*Dense"):
        stoch_norm(common.small_model())
    with pytest.raises(ValueError, match="`model` must be a functional"):
        stoch_norm(keras.layers.BatchNormalization())


class Block(keras.layers.Layer):
    """BatchNormalization inside a layer, as KerasHub has it."""

    def build(self, shape):
        self.norm = keras.layers.BatchNormalization()
        self.norm.build(shape)

    def call(self, inputs, training=None):
        return self.norm(inputs, training=training)


def test_batch_norm_that_cannot_be_replaced_is_not_passed_over():
    inputs = keras.Input((4,))
    x = keras.layers.BatchNormalization(name="own")(inputs)
    with pytest.raises(ValueError, match=r"cannot be replaced. Received: BatchNormalization inside \['block'\]"):
        stoch_norm(keras.Model(inputs, Block(name="block")(x)))
    inner = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization(name="norm")], name="inner")
    changed = stoch_norm(keras.Model(inputs, inner(x)))
    assert type(changed.get_layer("inner").get_layer("norm")).__name__ == "StochNorm"


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a SavedModel runs under TensorFlow")
def test_a_hub_layer_is_refused():
    from tlkeras.backbones import from_hub

    glyphs = pathlib.Path(__file__).parents[2] / "saved_models" / "glyphs"
    with pytest.raises(ValueError, match="whose BatchNorm cannot be replaced. Received: HubLayer \\['"):
        stoch_norm(classifier(from_hub(glyphs), 3, bottleneck=4))
