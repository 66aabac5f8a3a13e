import pathlib

import keras
import numpy as np
import pytest

from tlkeras.surgery import classifier, lora
from tlkeras.testing import common

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(12, 8, 8, 3)).astype("float32"), RNG.integers(0, 3, 12)


def convolutional():
    """A convolution, a depthwise one, BatchNorm, attention and a Dense layer under a head."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(6, 3, name="conv")(inputs)
    x = keras.layers.DepthwiseConv2D(3, name="depthwise")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Reshape((16, 6))(x)
    x = keras.layers.MultiHeadAttention(2, 4, name="attention")(x, x)
    x = keras.layers.Dense(8, activation="relu", name="dense")(keras.layers.GlobalAveragePooling1D()(x))
    return classifier(keras.Model(inputs, x), 3, bottleneck=4)


def trained(model, steps=2):
    common.compile_model(model, learning_rate=0.05)
    return common.train(model, [(X, Y)] * steps)


def test_the_updates_and_the_head_move_and_nothing_else(capsys):
    model = convolutional()
    before_output = model.predict(X, verbose=0)
    share = lora(model, 2)
    printed = capsys.readouterr().out
    assert "LoRA of rank 2 on 6 layers; frozen without: 1 BatchNormalization, 1 DepthwiseConv2D;" in printed
    assert f"{share:.1%}" in printed and 0 < share < 1
    np.testing.assert_array_equal(model.predict(X, verbose=0), before_output)
    before = common.values(model.variables)
    trained(model, steps=3)
    moved = common.changed(before, common.values(model.variables))
    updates = {path for path in before if "lora" in path}
    head = {path for path in before if path.split("/")[0] in ("bottleneck_dense", "bottleneck_norm", "logits")}
    assert len(updates) == 12
    # Nothing moves attention's keys by the offset they share, nor a bias in front of BatchNormalization for certain.
    assert updates | head >= moved >= {path for path in updates | head if not path.endswith("bias")}


def test_only_the_named_layers(capsys):
    model = convolutional()
    lora(model, 1, layers=["dense"])
    assert "on 1 layer;" in capsys.readouterr().out
    assert [v.path for v in model.trainable_weights if "lora" in v.path] == [
        "dense/lora_kernel_a",
        "dense/lora_kernel_b",
    ]
    assert not [v.path for v in model.trainable_weights if v.path.startswith(("conv", "attention"))]


def test_a_file_gives_the_same_answers_and_goes_on_after_lora_is_called_again(tmp_path):
    model = convolutional()
    lora(model, 2)
    trained(model)
    expected = model.predict(X, verbose=0)
    model.save(tmp_path / "m.keras")
    restored = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(restored.predict(X, verbose=0), expected, atol=1e-5)
    # What Keras leaves: both factors are 0, so that no gradient moves either.
    before = common.values(restored.variables)
    assert not any(before[path].any() for path in before if "lora" in path)

    lora(restored, 2)
    np.testing.assert_allclose(restored.predict(X, verbose=0), expected, atol=1e-5)
    assert {v.path for v in restored.trainable_weights} == {v.path for v in model.trainable_weights}
    before = common.values(restored.variables)
    trained(restored)
    moved = common.changed(before, common.values(restored.variables))
    assert {path for path in before if "lora" in path and path.endswith("_b")} <= moved
    assert not {path for path in moved if path.endswith(("/kernel", "depthwise/bias"))} - {
        "bottleneck_dense/kernel",
        "logits/kernel",
    }


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="exports a SavedModel")
def test_an_export_holds_the_updates(tmp_path):
    import tensorflow as tf

    model = convolutional()
    lora(model, 2)
    trained(model)
    model.export(tmp_path / "exported", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "exported"))
    np.testing.assert_allclose(np.array(loaded.serve(X)), model.predict(X, verbose=0), atol=1e-5)


def test_an_embedding_is_adapted():
    inputs = keras.Input((5,), dtype="int32")
    x = keras.layers.GlobalAveragePooling1D(name="features")(keras.layers.Embedding(9, 4, name="words")(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(x))
    lora(model, 1)
    assert {v.path for v in model.trainable_weights} == {
        "words/lora_embeddings_a",
        "words/lora_embeddings_b",
        "logits/kernel",
        "logits/bias",
    }


def test_a_compiled_model_must_be_compiled_anew():
    model = convolutional()
    trained(model, steps=1)
    lora(model, 2)
    with pytest.raises(ValueError, match="compile"):
        model.fit(X, Y, verbose=0)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="`rank` must be an integer >= 1. Received: rank=0"):
        lora(convolutional(), 0)
    with pytest.raises(
        ValueError, match="some of \\['attention', 'conv', 'dense'\\]. Received: \\['logits', 'norm'\\]"
    ):
        lora(convolutional(), 2, layers=["norm", "logits", "dense"])
    model = convolutional()
    lora(model, 2)
    with pytest.raises(ValueError, match="`rank` must be that of the update.*Received: 3, it has \\[2\\]"):
        lora(model, 3)
    inputs = keras.Input((4,))
    bare = keras.Model(inputs, keras.layers.BatchNormalization(name="features")(inputs))
    with pytest.raises(ValueError, match="must have a Dense.*Received: layers \\['BatchNormalization'\\]"):
        lora(bare, 2)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a SavedModel runs under TensorFlow")
def test_a_hub_layer_is_refused():
    from tlkeras.backbones import from_hub

    glyphs = pathlib.Path(__file__).parents[2] / "saved_models" / "glyphs"
    with pytest.raises(ValueError, match="whose kernels take no such update. Received: HubLayer \\['"):
        lora(classifier(from_hub(glyphs), 3), 2)
