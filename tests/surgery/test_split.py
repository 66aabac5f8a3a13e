import keras
import numpy as np
import pytest

from tlkeras import TransferModel
from tlkeras.backbones import from_applications, from_hub
from tlkeras.surgery import classifier, split, unfreeze

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype("float32")
JIT = keras.backend.backend() == "jax"


def model():
    keras.utils.set_random_seed(0)
    return classifier(from_applications("MobileNetV2", weights=None, input_shape=(32, 32, 3), alpha=0.35), 3)


def test_the_halves_make_the_whole_at_every_depth():
    whole = model()
    expected = np.asarray(whole(IMAGES))  # called, not predicted: nothing is compiled for each depth
    for depth in range(19):
        frozen, rest = split(whole, depth)
        np.testing.assert_array_equal(rest(frozen(IMAGES)), expected)
        names = {variable.path for variable in rest.weights}
        assert len({path.split("/")[0] for path in names if "block_16" in path}) == (6 if depth >= 2 else 0)


def test_training_the_rest_trains_the_whole(tmp_path):
    whole = model()
    frozen, rest = split(whole, 2)
    unfreeze(whole, 2)
    features = frozen.predict(IMAGES, verbose=0)
    transfer = TransferModel(rest, [])
    transfer.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=JIT)
    before = whole.predict(IMAGES, verbose=0)
    transfer.fit(features, np.array([0, 1, 2, 0]), epochs=2, verbose=0)
    after = whole.predict(IMAGES, verbose=0)
    assert np.abs(after - before).max() > 0
    np.testing.assert_array_equal(after, rest.predict(frozen.predict(IMAGES, verbose=0), verbose=0))
    whole.save(tmp_path / "whole.keras")
    again = keras.models.load_model(tmp_path / "whole.keras")
    np.testing.assert_array_equal(again.predict(IMAGES, verbose=0), after)
    TransferModel(whole, [])  # its taps are still found, although its layers have other calls now


def test_the_head_alone_keeps_its_features_and_is_no_backbone():
    _, head = split(model(), 0)
    assert [layer.name for layer in head.layers] == ["features", "logits"]
    unfreeze(head, 0)
    assert [variable.path for variable in head.trainable_variables] == ["logits/kernel", "logits/bias"]


@pytest.mark.parametrize("depth", [-1, 19, True])
def test_depth_out_of_range(depth):
    with pytest.raises(ValueError, match="must be a number in 0..18"):
        split(model(), depth)


def test_a_savedmodel_cannot_be_cut():
    if keras.backend.backend() != "tensorflow":
        pytest.skip("a SavedModel needs TensorFlow")
    whole = classifier(from_hub("saved_models/glyphs"), 3)
    frozen, _ = split(whole, 0)
    assert frozen.output_shape == (None, 128)
    with pytest.raises(ValueError, match="a hub SavedModel is one layer"):
        split(whole, 1)


def test_two_tensors_across_the_boundary():
    nasnet = from_applications("NASNetMobile", weights=None, input_shape=(32, 32, 3))
    with pytest.raises(ValueError, match="between cell_11 and cell_12 there is none"):
        split(nasnet, 1)


@pytest.mark.parametrize("second", ["input", "output"])
def test_what_the_tensor_at_the_cut_does_not_give(second):
    image, other = keras.Input((4,)), keras.Input((4,))
    low = keras.layers.Dense(4, name="low")(image)
    features = keras.layers.Dense(4, name="features")(low)
    if second == "input":
        whole = keras.Model([image, other], keras.layers.Dense(2)(keras.layers.Add()([features, other])))
    else:
        whole = keras.Model(image, [keras.layers.Dense(2)(features), low])
    with pytest.raises(ValueError, match="outputs of the tensor at the cut alone.*depth=0"):
        split(whole, 0)


def test_a_cut_at_a_layer_leaves_strings_below():
    pytest.importorskip("tensorflow", reason="Keras makes tokens with TensorFlow")
    text = keras.Input((), dtype="string", name="text")
    tokens = keras.layers.TextVectorization(vocabulary=["bad", "good"], output_sequence_length=3, name="tokens")(text)
    features = keras.layers.GlobalAveragePooling1D(name="features")(keras.layers.Embedding(4, 5)(tokens))
    whole = keras.Model(text, keras.layers.Dense(2, name="logits")(features))
    frozen, rest = split(whole, "tokens")
    texts = np.array(["good bad", "good"], object)
    ids = frozen.predict(texts, verbose=0)
    np.testing.assert_array_equal(ids, [[3, 2, 0], [3, 0, 0]])
    assert (frozen.input.dtype, rest.input.dtype, rest.input.name) == ("string", "int64", "tokens")
    np.testing.assert_array_equal(rest.predict(ids, verbose=0), whole.predict(texts, verbose=0))
    with pytest.raises(ValueError, match="'sounds'.*Received: layers"):
        split(whole, "sounds")
