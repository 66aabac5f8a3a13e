import keras
import numpy as np
import pytest

from tlkeras import data, export, methods, surgery
from tlkeras.transfer import TokenAccuracy, TransferModel

LENGTH, CLASSES = 5, 3
IDS = np.array([[3, 1, 2, 0, 0], [4, 4, 4, 4, 4], [0, 0, 0, 0, 0]])
LABELS = np.array([[0, 1, 2, -1, -1], [2, 1, 0, 1, 2], [-1] * 5])


def encoder(length=LENGTH, width=4):
    ids = keras.Input((length,), dtype="int32", name="ids")
    x = keras.layers.Embedding(6, width, name="embedding")(ids)
    for block in (1, 2):
        x = keras.layers.Conv1D(width, 3, padding="same", activation="relu", name=f"block_{block}_conv")(x)
    return keras.Model(ids, x)


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    return surgery.token_classifier(encoder(), CLASSES)


def loss():
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)


def test_logits_are_those_of_the_layers_by_hand_and_zero_at_padding(model):
    tokens = np.asarray(keras.Model(model.input, model.get_layer("block_2_conv").output)(IDS))
    real = (IDS != 0)[..., None]
    mean = (tokens * real).sum(1) / np.maximum(real.sum(1), 1)
    context, hidden, scores = (model.get_layer(name).get_weights() for name in ("context", "token_hidden", "scores"))
    x = tokens * real + (mean @ context[0])[:, None]
    expected = (np.maximum(x @ hidden[0] + hidden[1], 0) @ scores[0] + scores[1]) * real
    np.testing.assert_allclose(model(IDS), expected, atol=1e-6)
    features = keras.Model(model.input, model.get_layer("features").output)(IDS)
    np.testing.assert_allclose(features, mean, atol=1e-6)
    assert (np.asarray(features)[2] == 0).all()  # an empty text


def test_what_stands_in_the_padding_changes_no_token(model):
    for conv in (model.get_layer("block_1_conv"), model.get_layer("block_2_conv")):  # each token for itself
        conv.set_weights([conv.get_weights()[0] * np.array([0, 1, 0])[:, None, None], conv.get_weights()[1]])
    longer = surgery.token_classifier(encoder(7), CLASSES)
    longer.set_weights(model.get_weights())
    padded = np.pad(IDS, ((0, 0), (0, 2)))
    np.testing.assert_allclose(longer(padded)[:, :LENGTH], model(IDS), atol=1e-6)


def test_loss_and_accuracy_count_labelled_tokens_only(model):
    transfer = TransferModel(model, [])
    transfer.compile("sgd", loss(), metrics=[TokenAccuracy()])
    shifted = model.get_layer("scores")
    shifted.set_weights([shifted.get_weights()[0], np.array([1.0, 0.0, -1.0])])
    logits = np.asarray(model(IDS))
    logs = np.exp(logits - logits.max(-1, keepdims=True))
    probabilities = (logs / logs.sum(-1, keepdims=True))[LABELS >= 0]
    labels = LABELS[LABELS >= 0]
    expected = -np.log(probabilities[np.arange(8), labels]).mean()
    values = transfer.evaluate(IDS, LABELS, verbose=0, return_dict=True)
    assert values["loss"] == pytest.approx(expected, rel=1e-5)
    assert values["token_accuracy"] == pytest.approx((probabilities.argmax(-1) == labels).mean())


def test_a_label_that_is_no_class_makes_the_loss_nan_and_padding_does_not(model):
    transfer = TransferModel(model, [])
    transfer.compile("sgd", loss(), jit_compile=True)  # without XLA, TensorFlow's kernel itself raises on a CPU
    assert np.isfinite(transfer.train_on_batch({"source": IDS}, {"source": LABELS}))
    wrong = LABELS.copy()
    wrong[1, 4] = CLASSES
    assert np.isnan(transfer.train_on_batch({"source": IDS}, {"source": wrong}))


@pytest.mark.parametrize("method", [methods.DANN(hidden=(4,)), methods.MMD(), methods.CORAL()], ids=lambda m: m.name)
def test_methods_align_the_mean_of_the_tokens_and_train_the_encoder(model, method):
    transfer = TransferModel(model, [method])
    assert method.tap == "features"
    transfer.compile("adam", loss(), metrics=[TokenAccuracy()])
    before = model.get_layer("embedding").get_weights()[0]
    pairs = data.pair((np.tile(IDS, (4, 1)), np.tile(LABELS, (4, 1))), np.tile(IDS[:, ::-1], (4, 1)), batch_size=6)
    history = transfer.fit(pairs, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all() and {"token_accuracy", method.name} <= set(history)
    assert np.abs(model.get_layer("embedding").get_weights()[0] - before).max() > 0


def test_it_is_cut_at_its_tokens_saved_and_unfrozen(model, tmp_path):
    below, above = surgery.split(model, "tokens")
    np.testing.assert_allclose(above(below(IDS)), model(IDS), atol=1e-6)
    model.save(tmp_path / "tags.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "tags.keras")(IDS), model(IDS))
    surgery.unfreeze(model, 1)
    trained = dict.fromkeys(variable.path.split("/")[0] for variable in model.trainable_variables)
    assert list(trained) == ["block_2_conv", "context", "token_hidden", "scores"]


@pytest.mark.parametrize("quantize", [None, "dynamic"])
def test_a_litert_file_of_builtins_gives_the_same_tags(model, tmp_path, quantize):
    pytest.importorskip("tensorflow", reason="LiteRT needs TensorFlow")
    rows = np.random.default_rng(0).integers(1, 6, (40, LENGTH)).astype("int32")
    rows[::2, 3:] = 0
    written = export.export_litert(model, tmp_path / "m.tflite", samples=rows, quantize=quantize, min_agreement=0.95)
    assert written["agreement"] >= 0.95


def test_arguments_are_checked():
    pytest.importorskip("tensorflow", reason="Keras makes tokens with TensorFlow")
    with pytest.raises(ValueError, match=r"one vector a token.*Received: output \(None, 4\)"):
        surgery.token_classifier(keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])._functional, 3)
    text = keras.Input((), dtype="string", name="text")
    ids = keras.layers.TextVectorization(vocabulary=["a"], output_sequence_length=5, name="ids")(text)
    strings = keras.Model(text, keras.layers.Embedding(9, 4)(ids))
    with pytest.raises(ValueError, match="`ids` must be numbers that are 0 at padding.*Received: ids=None, text"):
        surgery.token_classifier(strings, 3)
    assert surgery.token_classifier(strings, 3, ids="ids").output_shape == (None, 5, 3)
    for wrong in ({"num_classes": 1}, {"num_classes": 3, "width": 0}, {"num_classes": 3, "dropout": 1.0}):
        with pytest.raises(ValueError, match=f"`{list(wrong)[-1]}` must be .*Received"):
            surgery.token_classifier(encoder(), **wrong)
    with pytest.raises(ValueError, match="no layer named `features`"):
        surgery.token_classifier(surgery.token_classifier(encoder(), 3), 3)
