import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from sklearn.datasets import load_digits

from tlkeras.export import ExportMismatch, on_device, to_trainable_litert

L = keras.layers
SIGNATURES = ("train", "infer", "get_weights", "set_weights")


def runners(path):
    """The signatures of a file in a new interpreter."""
    interpreter = Interpreter(str(path))
    return [interpreter.get_signature_runner(name) for name in SIGNATURES]


def network(side, *, softmax=False):
    inputs = keras.Input((side, side, 1), name="image")
    x = L.Rescaling(1 / 255)(inputs)
    x = L.Conv2D(16, 3, padding="same", activation="relu")(x)
    x = L.MaxPooling2D()(x)
    x = L.Conv2D(32, 3, padding="same", use_bias=False)(x)
    x = L.ReLU(6.0)(L.BatchNormalization()(x))
    x = L.Dropout(0.2)(L.Flatten()(x))
    return keras.Model(inputs, L.Dense(10, "softmax" if softmax else None)(x), name="digits")


def trained(images, labels, epochs, **options):
    keras.utils.set_random_seed(0)
    model = network(images.shape[1], **options)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=not options.get("softmax")))
    model.fit(images, labels, epochs=epochs, batch_size=64, verbose=0)
    return model


def turned(images):
    return np.ascontiguousarray(np.rot90(images, axes=(1, 2)))


@pytest.fixture(scope="module")
def digits():
    """scikit-learn's 1,797 handwritten digits in 0-255, and their labels."""
    digits = load_digits()
    return (digits.images[..., np.newaxis] * 255 / 16).astype("float32"), digits.target.astype("int32")


@pytest.fixture(scope="module")
def model(digits):
    return trained(digits[0][:800], digits[1][:800], 6)


def learn(train, images, labels, *, epochs, rate):
    for _ in range(epochs):
        for start in range(0, len(images), 32):
            batch = slice(start, start + 32)
            loss = train(x=images[batch], y=labels[batch], learning_rate=np.float32(rate))["loss"]
    return float(loss)


def accuracy(infer, images, labels):
    return float((infer(x=images)["output"].argmax(-1) == labels).mean())


@pytest.mark.parametrize("trainable", ("head", "last_block"))
def test_it_learns_digits_that_lie_on_their_side_and_keeps_what_it_learned(model, digits, tmp_path, trainable):
    images, labels = turned(digits[0]), digits[1]
    facts = to_trainable_litert(model, tmp_path / "m.tflite", samples=digits[0][800:900], trainable=trainable)
    train, infer, get_weights, _ = runners(tmp_path / "m.tflite")
    before = accuracy(infer, images[1200:], labels[1200:])
    learn(train, images[800:1200], labels[800:1200], epochs=40, rate=0.1)
    after = accuracy(infer, images[1200:], labels[1200:])
    assert before < 0.4 and after > 0.75, (before, after)
    np.savez(tmp_path / "learned.npz", **get_weights())
    train, infer_again, get_weights, set_weights = runners(tmp_path / "m.tflite")
    assert accuracy(infer_again, images[1200:], labels[1200:]) == before
    set_weights(**np.load(tmp_path / "learned.npz"))
    np.testing.assert_array_equal(infer_again(x=images)["output"], infer(x=images)["output"])
    assert facts["agreement"] == 1.0 and facts["max_abs_diff"] < 1e-4
    assert facts["trained_weights"] == 512 * 10 + 10 + (64 if trainable == "last_block" else 0)


def test_a_step_is_the_formula(model, digits, tmp_path):
    to_trainable_litert(model, tmp_path / "m.tflite", samples=digits[0][:20])
    train, _, get_weights, _ = runners(tmp_path / "m.tflite")
    x, y = digits[0][:7], digits[1][:7]
    features = keras.Model(model.input, model.layers[-2].output).predict(x, verbose=0).astype("float64")
    kernel, bias = (value.astype("float64") for value in model.layers[-1].get_weights())
    logits = features @ kernel + bias
    chances = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    wrong = (chances - np.eye(10)[y]) / 7
    loss = train(x=x, y=y, learning_rate=np.float32(0.5))["loss"]
    learned = get_weights()
    assert loss == pytest.approx(-np.log(chances[np.arange(7), y]).mean(), abs=1e-5)
    np.testing.assert_allclose(learned["kernel"], kernel - 0.5 * features.T @ wrong, atol=1e-5)
    np.testing.assert_allclose(learned["bias"], bias - 0.5 * wrong.sum(0), atol=1e-5)


def test_scale_and_bias_are_told_apart_and_the_model_stays(model, digits, tmp_path):
    before = model.get_weights()
    to_trainable_litert(model, tmp_path / "m.tflite", samples=digits[0][:20], trainable="last_block")
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    norm = next(layer for layer in model.layers if isinstance(layer, L.BatchNormalization))
    _, infer, get_weights, set_weights = runners(tmp_path / "m.tflite")
    weights = get_weights()
    np.testing.assert_array_equal(weights["block_scale"], norm.gamma)
    np.testing.assert_array_equal(weights["block_bias"], norm.beta)
    set_weights(**{**weights, "block_scale": 0 * weights["block_scale"], "block_bias": 0 * weights["block_bias"] + 2})
    kernel, bias = model.layers[-1].get_weights()
    expected = 2 * kernel.sum(0) + bias  # every feature is 2
    np.testing.assert_allclose(infer(x=digits[0][:3])["output"], np.tile(expected, (3, 1)), atol=1e-4)


def test_a_batch_that_cannot_be_learned_changes_nothing_and_says_so(model, digits, tmp_path):
    to_trainable_litert(model, tmp_path / "m.tflite", samples=digits[0][:20], trainable="last_block")
    train, _, get_weights, _ = runners(tmp_path / "m.tflite")
    before, x = get_weights(), digits[0][:3]
    for spoiled, labels in ((x, [0, 1, 10]), (x, [0, -1, 2]), (x * np.nan, [0, 1, 2])):
        assert np.isnan(train(x=spoiled, y=np.array(labels, "int32"), learning_rate=np.float32(0.1))["loss"])
        for name, value in get_weights().items():
            np.testing.assert_array_equal(value, before[name])
    assert np.isfinite(train(x=x, y=np.array([0, 1, 2], "int32"), learning_rate=np.float32(0.1))["loss"])


def ends(kind):
    inputs = keras.Input((8, 8, 3))
    x = L.Conv2D(6, 3, activation="relu")(inputs)
    if kind == "softmax":
        return keras.Model(inputs, L.Dense(4, "softmax")(L.Flatten()(x)))
    if kind == "softmax layer, hard_silu, mean":
        x = L.Activation("hard_silu")(L.BatchNormalization(scale=False)(x))
        return keras.Model(inputs, L.Softmax()(L.Dense(4, use_bias=False)(L.GlobalAveragePooling2D()(x))))
    if kind == "hidden":
        return keras.Sequential([keras.Input((8, 8, 3)), L.Flatten(), L.Dense(7, "tanh"), L.Dense(4)])
    return keras.Model(inputs, L.Dense(4)(L.GlobalAveragePooling2D()(x)))


@pytest.mark.parametrize("kind", ["softmax", "softmax layer, hard_silu, mean", "hidden", "a bias"])
def test_models_that_end_otherwise(tmp_path, kind):
    keras.utils.set_random_seed(0)
    model, x = ends(kind), np.random.default_rng(0).uniform(-1, 1, (20, 8, 8, 3)).astype("float32")
    to_trainable_litert(model, tmp_path / "m.tflite", samples=x, trainable="last_block", value_range=(-1, 1))
    train, infer, _, _ = runners(tmp_path / "m.tflite")
    assert np.abs(infer(x=x)["output"] - model.predict(x, verbose=0)).max() < 1e-5
    y = (np.arange(20) % 4).astype("int32")
    losses = [train(x=x, y=y, learning_rate=np.float32(0.1))["loss"] for _ in range(20)]
    assert np.all(np.diff(losses) < 0)


def bad(kind):
    inputs = keras.Input((8, 8, 3), name="image")
    x = L.Conv2D(6, 3, name="conv")(inputs)
    if kind == "pool":
        return keras.Model(inputs, L.Dense(4)(L.GlobalMaxPooling2D(name="pool")(x)))
    if kind == "twice":
        x = L.GlobalAveragePooling2D(name="mean")(x)
        return keras.Model(inputs, L.Dense(4)(L.Add(name="sum")([x, x])))
    if kind == "no head":
        return keras.Model(inputs, L.GlobalAveragePooling2D(name="mean")(x))
    if kind == "sigmoid":
        return keras.Model(inputs, L.Dense(4, "sigmoid", name="tags")(L.Flatten()(x)))
    if kind == "one":
        return keras.Model(inputs, L.Dense(1)(L.Flatten()(x)))
    if kind == "map":
        return keras.Model(inputs, L.Dense(4)(x))
    if kind == "two":
        return keras.Model([inputs, keras.Input((2,))], L.Dense(4)(L.Flatten()(x)))
    if kind == "text":
        text = keras.Input((), dtype="string")
        return keras.Model(text, L.Dense(2)(L.Embedding(9, 3)(L.Hashing(9)(text))))
    return keras.Sequential([L.Dense(4)])


@pytest.mark.parametrize(
    ("kind", "trainable", "message"),
    [
        ("pool", "last_block", "Received: GlobalMaxPooling2D 'pool'"),
        ("twice", "last_block", "Received: Add 'sum'"),
        ("no head", "head", "must end in a Dense .* ends in GlobalAveragePooling2D 'mean'"),
        ("sigmoid", "head", "must end in a Dense .* ends in Dense 'tags' with activation 'sigmoid'"),
        ("one", "head", "at least two logits .*output shape \\(None, 1\\)"),
        ("map", "head", "on one vector a sample.*output shape \\(None, 6, 6, 4\\)"),
        ("two", "head", "one input and one output"),
        ("text", "head", "must take numbers"),
        ("unbuilt", "head", "must be a functional or built Sequential model"),
        ("pool", "all", r"`trainable` must be one of \('head', 'last_block'\). Received: 'all'"),
    ],
)
def test_models_that_cannot_learn_this_way(tmp_path, kind, trainable, message):
    with pytest.raises(ValueError, match=message):
        to_trainable_litert(bad(kind), tmp_path / "m.tflite", samples=np.ones((4, 8, 8, 3)), trainable=trainable)
    assert not list(tmp_path.iterdir())


def test_a_wrong_gradient_gets_no_file(model, digits, tmp_path, monkeypatch):
    right = on_device.loss_and_gradients

    def wrong(*arguments):
        loss, gradients = right(*arguments)
        return loss, {**gradients, "bias": 1.01 * gradients["bias"]}

    monkeypatch.setattr(on_device, "loss_and_gradients", wrong)
    (tmp_path / "m.tflite").write_text("older")
    with pytest.raises(ExportMismatch, match="One step of `train` .* does not give Keras' 'bias'"):
        to_trainable_litert(model, tmp_path / "m.tflite", samples=digits[0][:20])
    assert [path.read_text() for path in tmp_path.iterdir()] == ["older"]


@pytest.mark.slow
def test_usps_after_mnist_in_a_process_without_tensorflow(tmp_path):
    folder = pathlib.Path(os.environ.get("TLKERAS_DATA", ""), "digits")
    if not folder.is_absolute() or not folder.is_dir():
        pytest.skip("TLKERAS_DATA is unset: no MNIST and USPS")
    mnist = np.load(folder / "mnist.npz")
    images = keras.ops.image.resize(mnist["x_train"][:6000, ..., np.newaxis].astype("float32"), (16, 16))
    model = trained(np.clip(images, 0, 255), mnist["y_train"][:6000], 3)
    to_trainable_litert(model, tmp_path / "m.tflite", samples=np.clip(images[:50], 0, 255), trainable="last_block")
    code = """
import sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter
data = np.load(sys.argv[2])
x, y = data["x_train"][:500, ..., None].astype("float32"), data["y_train"][:500].astype("int32")
test = data["x_test"][..., None].astype("float32")
interpreter = Interpreter(sys.argv[1])
train, infer = (interpreter.get_signature_runner(name) for name in ("train", "infer"))
accuracy = lambda: float((infer(x=test)["output"].argmax(-1) == data["y_test"]).mean())
print(accuracy())
for start in [*range(0, 500, 20)] * 10:
    train(x=x[start : start + 20], y=y[start : start + 20], learning_rate=np.float32(0.02))
print(accuracy(), "tensorflow" in sys.modules)
"""
    command = [sys.executable, "-c", code, str(tmp_path / "m.tflite"), str(folder / "usps.npz")]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.split()
    before, after = map(float, output[:2])
    assert after > before + 0.1 and after > 0.85 and output[2] == "False"
