import pathlib

import keras
import numpy as np
import pytest

import tlkeras
from tlkeras.layers import FakeQuant
from tlkeras.surgery import classifier, quantization_aware
from tlkeras.testing import common

layers = keras.layers
IMAGES = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 3)).astype("float32")


def residual():
    """A residual block, a lone BatchNormalization and two kinds of pooling, under `classifier`."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="scaling")(inputs)
    x = layers.Conv2D(6, 3, padding="same", use_bias=False, name="stem")(x)
    x = stem = layers.ReLU(6.0, name="stem_relu")(layers.BatchNormalization(name="stem_norm")(x))
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    x = layers.Activation("relu", name="depthwise_relu")(layers.BatchNormalization(name="depthwise_norm")(x))
    x = layers.Conv2D(6, 1, name="project")(x)
    x = layers.ReLU(name="sum_relu")(layers.Add(name="sum")([stem, x]))
    x = layers.Conv2D(4, 3, activation="relu", name="conv")(layers.MaxPooling2D(2, name="largest")(x))
    x = layers.AveragePooling2D(2, name="mean")(layers.BatchNormalization(name="lone")(x))
    model = classifier(keras.Model(inputs, layers.Flatten(name="features")(x)), 3, bottleneck=5)
    random = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([random.uniform(0.5, 2, weight.shape) for weight in layer.get_weights()])
    return model


def ranges(model):
    return {layer.name: [float(end) for end in layer.range()] for layer in model.layers if isinstance(layer, FakeQuant)}


def test_it_rounds_where_an_int8_file_does():
    model = residual()
    aware = quantization_aware(model, IMAGES)
    assert list(ranges(aware)) == [
        "image_fake_quant", "scaling_fake_quant", "stem_relu_fake_quant", "depthwise_relu_fake_quant",
        "project_fake_quant", "sum_relu_fake_quant", "conv_fake_quant", "lone_fake_quant", "bottleneck_fake_quant",
        "logits_fake_quant",
    ]  # fmt: skip
    assert ranges(aware)["image_fake_quant"] == [0, 255]
    # Not (-1, 1): its 0 lies between two of 256 values, and every pixel with it.
    np.testing.assert_allclose(ranges(aware)["scaling_fake_quant"], [-1, 128 / 127], rtol=1e-6)
    calls = [node.operation.name for node in tlkeras.backbones.graph.nodes_of(aware)]
    after = calls[calls.index("mean") + 1]
    assert calls.count("lone_fake_quant") == 2 and after == "lone_fake_quant", "an average has the scale of its input"
    names = {layer.name for layer in model.layers}
    assert names <= {layer.name for layer in aware.layers} and aware.name == model.name


@pytest.mark.parametrize("per_channel", [True, False])
def test_its_answers_are_near_the_models(per_channel):
    model = residual()
    expected = model.predict(IMAGES, verbose=0)
    aware = quantization_aware(model, IMAGES, per_channel=per_channel)
    found = aware.predict(IMAGES, verbose=0)
    assert 0 < np.abs(found - expected).max() < 0.06 * np.ptp(expected)
    steps = (found / (np.ptp([0, *ranges(aware)["logits_fake_quant"]]) / 255)).ravel()
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3, err_msg="whole steps")


def test_samples_set_the_ranges():
    rows = np.random.default_rng(0).normal(size=(70, 4)).astype("float32")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(3, name="logits")(layers.Dense(5, "relu", name="hidden")(inputs)))
    found = ranges(quantization_aware(model, rows, value_range=None))
    hidden, logits = (keras.Model(inputs, model.get_layer(name).output)(rows) for name in ("hidden", "logits"))
    for seen, known in zip((rows, hidden, logits), found.values(), strict=True):
        values = keras.ops.convert_to_numpy(seen)
        np.testing.assert_allclose(known, [values.min(), values.max()], atol=0.02 * np.abs(values).max())


def test_it_trains_in_a_transfer_model_and_evaluation_moves_nothing(tmp_path):
    inputs = keras.Input((8, 8, 3), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="scaling")(inputs)
    x = layers.GlobalAveragePooling2D(name="features")(layers.Conv2D(4, 3, 2, activation="relu", name="conv")(x))
    model = classifier(keras.Model(inputs, x), 3, bottleneck=5)
    before = [weight.copy() for weight in model.get_weights()]
    aware = quantization_aware(model, IMAGES, momentum=0.5)
    methods = [tlkeras.methods.DANN(hidden=(8,)), tlkeras.methods.MMD(tap="features")]
    transfer = tlkeras.TransferModel(aware, methods)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    transfer.compile("adam", loss, jit_compile=False)
    known, labels, scaling = ranges(aware), np.arange(60) % 3, aware.get_layer("scaling").get_weights()
    pairs = tlkeras.data.pair(source=(IMAGES, labels), target=IMAGES[::-1] / 2, batch_size=20)
    history = transfer.fit(pairs, epochs=2, shuffle=False, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    moved = ranges(aware)
    changed = {name for name in known if known[name] != moved[name]}
    assert set(known) - changed == {"image_fake_quant", "scaling_fake_quant"}, "what is not trained stays"
    np.testing.assert_array_equal(aware.get_layer("scaling").get_weights()[1], scaling[1])
    for weight, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old, err_msg="the model that it was made of")
    weights = [weight.copy() for weight in aware.get_weights()]
    transfer.evaluate(IMAGES * 0.1, labels, verbose=0)
    aware.predict(IMAGES, verbose=0)
    for weight, old in zip(aware.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(weight, old)
    aware.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict(IMAGES, verbose=0), aware.predict(IMAGES, verbose=0))
    assert ranges(again) == moved


def test_activations_that_a_file_computes_apart():
    inputs = keras.Input((4,))
    x = layers.Dense(6, "tanh", name="hidden")(inputs)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.LeakyReLU(name="leaky")(x)
    model = keras.Model(inputs, layers.Dense(3, "softmax", name="scores")(x))
    rows = np.random.default_rng(0).normal(size=(40, 4)).astype("float32")
    aware = quantization_aware(model, rows, value_range=None)
    found = ranges(aware)
    assert found["hidden_fake_quant_2"] == [-1, 127 / 128] and found["scores_fake_quant_2"] == [0, 255 / 256]
    assert aware.get_layer("scores").output.shape == (None, 3) and aware.get_layer("norm").output.shape == (None, 6)
    np.testing.assert_allclose(aware.predict(rows, verbose=0), model.predict(rows, verbose=0), atol=0.02)


def test_a_layer_that_is_called_twice_keeps_one_kernel():
    inputs = keras.Input((4,))
    shared = layers.Dense(4, name="shared")
    x = shared(shared(inputs))
    rows = np.random.default_rng(0).normal(size=(40, 4)).astype("float32")
    model = keras.Model(inputs, x)
    aware = quantization_aware(model, rows, value_range=None)
    assert list(ranges(aware))[1:] == ["shared_fake_quant", "shared_fake_quant_2"] and len(aware.trainable_weights) == 2
    expected = model.predict(rows, verbose=0)
    np.testing.assert_allclose(aware.predict(rows, verbose=0), expected, atol=0.05 * np.abs(expected).max())


def test_what_has_no_8_bit_form_is_named():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation="gelu", name="odd_activation")(inputs)
    x = layers.BatchNormalization(axis=1, name="odd_axis")(x)
    x = layers.Add(name="three")([x, x, x])
    x = layers.LayerNormalization(name="other")(x)
    inner = keras.Sequential([keras.Input((6, 6, 4)), layers.Flatten()], name="inner")
    model = keras.Model(inputs, layers.ReLU(3.0, name="bounded")(inner(x)) * 2)
    with pytest.raises(ValueError, match="flat graph of layers that have an 8-bit form") as raised:
        quantization_aware(model, IMAGES)
    for part in (
        "odd_activation (Conv2D: activation gelu)", "odd_axis (BatchNormalization: one scale a channel",
        "three (Add: more than two inputs)", "other (LayerNormalization: no 8-bit form here)", "inner (Sequential: no",
        "bounded (ReLU: activation relu with a bound)", "(Multiply: no 8-bit form here)",
    ):  # fmt: skip
        assert part in str(raised.value)
    one, two = keras.Input((4,)), keras.Input((4,))
    with pytest.raises(ValueError, match="one input and one output. Received: 2 inputs"):
        quantization_aware(keras.Model([one, two], layers.Add()([one, two])), IMAGES)
    whole = keras.Input((4,), dtype="uint8")
    with pytest.raises(ValueError, match="float32 input. Received: dtype=uint8"):
        quantization_aware(keras.Model(whole, layers.Flatten()(whole)), IMAGES)
    with pytest.raises(ValueError, match="must be a functional"):
        quantization_aware(layers.Dense(2), IMAGES)
    with pytest.raises(ValueError, match="FakeQuantDense: no 8-bit form"):
        quantization_aware(quantization_aware(common.small_model(), *rows_of_small_model()), *rows_of_small_model())


def rows_of_small_model():
    shape = common.small_model().input_shape[1:]
    return (np.random.default_rng(0).uniform(0, 255, (20, *shape)),)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a SavedModel runs under TensorFlow")
def test_a_hub_layer_is_refused():
    from tlkeras.backbones import from_hub

    glyphs = pathlib.Path(__file__).parents[2] / "saved_models" / "glyphs"
    with pytest.raises(ValueError, match="HubLayer: no 8-bit form here"):
        quantization_aware(classifier(from_hub(glyphs), 3), np.zeros((2, 8, 8, 1)))


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((4, 8, 8, 1)), r"`samples` must have the shape"),
        (np.zeros((0, 8, 8, 3)), r"n >= 1"),
        (np.full((4, 8, 8, 3), np.nan), "`samples` must be finite"),
        (IMAGES / 255, r"own range \(0, 255\), not scaled to \[0, 1\]; pass `value_range` .* maximum 1.0"),
        (IMAGES - 1, "Received: minimum -1.0, maximum 254.0"),
    ],
)
def test_wrong_samples(samples, message):
    given = samples.copy()
    with pytest.raises(ValueError, match=message):
        quantization_aware(residual(), samples)
    np.testing.assert_array_equal(samples, given)
