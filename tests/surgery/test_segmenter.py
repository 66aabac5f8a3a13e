import keras
import numpy as np
import pytest

import tlkeras
from tlkeras import backbones, surgery
from tlkeras.backbones.blocks import head_variables

RNG = np.random.default_rng(0)


def small_backbone(size=16, ends="map"):
    """Three convolutions with BatchNormalization, each halving the map."""
    keras.utils.set_random_seed(0)
    x = image = keras.Input((size, size, 3), name="image")
    for level, channels in enumerate((4, 6, 8)):
        x = keras.layers.Conv2D(channels, 3, strides=2, padding="same", name=f"block_{level}")(x)
        x = keras.layers.BatchNormalization(name=f"block_{level}_norm")(x)
        x = keras.layers.ReLU(6.0, name=f"block_{level}_relu")(x)
    if ends == "pooled":
        x = keras.layers.GlobalAveragePooling2D(name="features")(x)
    return keras.Model(image, x)


@pytest.fixture(scope="module")
def trained():
    """A segmenter that tells the bright half of an image from the dark one, and such images with their labels."""
    labels = np.repeat(RNG.integers(0, 2, (60, 4, 1)), 4, axis=1).repeat(16, axis=2)
    images = np.clip(90 + 80 * labels[..., None] + RNG.normal(0, 20, (60, 16, 16, 3)), 0, 255).astype("float32")
    model = surgery.segmenter(small_backbone(), 2, width=8, stride=2)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.8  # for few steps
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    model.fit(images, labels, epochs=8, batch_size=12, verbose=0)
    return model, images, labels


def test_every_pixel_gets_logits_and_the_pooled_features_reach_them():
    model = surgery.segmenter(small_backbone(), 3, width=5, stride=2, name="scenes")
    assert model.output_shape == (None, 16, 16, 3) and model.name == "scenes"
    shapes = {name: model.get_layer(name).output.shape[1:] for name in ("decoder", "features", "logits")}
    assert shapes == {"decoder": (8, 8, 5), "features": (8,), "logits": (16, 16, 3)}
    images = RNG.uniform(0, 255, (2, 16, 16, 3))
    before = model.predict(images, verbose=0)
    model.get_layer("decoder_pooled").bias.assign(np.full(5, 50.0))
    assert not np.allclose(model.predict(images, verbose=0), before)


def test_the_stride_tells_the_finest_map():
    for stride, size in ((1, 8), (2, 8), (3, 4), (4, 4), (8, 2)):
        assert surgery.segmenter(small_backbone(), 2, stride=stride).get_layer("decoder").output.shape[1] == size


def test_a_pooled_backbone_is_opened_and_keeps_its_blocks():
    backbone = small_backbone(ends="pooled")
    model = surgery.segmenter(backbone, 2, width=4)
    assert [block.name for block in backbones.blocks(model)] == ["block_0", "block_1", "block_2"]
    assert {variable.path.split("_")[0] for variable in head_variables(model)} == {"decoder", "logits"}
    assert model.get_layer("block_1") is backbone.get_layer("block_1")
    surgery.unfreeze(model, 1)
    frozen = {layer.name for layer in model.layers if layer.weights and not layer.trainable}
    assert {"block_0", "block_1"} <= frozen and "block_2" not in frozen


def test_maps_of_a_mobilenet():
    backbone = backbones.from_applications("MobileNetV2", weights=None, input_shape=(64, 64, 3), alpha=0.35)
    model = surgery.segmenter(backbone, 5, width=16, stride=2)
    skips = [model.get_layer(f"decoder_{level}_skip_conv").input.shape[1:] for level in range(4)]
    assert skips == [(32, 32, 8), (16, 16, 8), (8, 8, 16), (4, 4, 32)]
    assert model.get_layer("decoder_start_conv").input.shape[1:] == (2, 2, 1280)


@pytest.mark.parametrize(
    ("backbone", "arguments", "message"),
    [
        (keras.layers.Dense(2), {}, "`backbone` must be a functional"),
        (None, {"num_classes": 1}, "`num_classes` must be an integer >= 2. Received: num_classes=1"),
        (None, {"width": 0}, "`width` must be an integer >= 1"),
        (None, {"stride": True}, "`stride` must be an integer >= 1. Received: stride=True"),
        (None, {"stride": 16}, r"maps of at least `stride` pixels a cell.*stride=16, maps \[\(8, 8\)"),
        (20, {}, r"whole fraction.*multiples of 8.*images \(20, 20\), maps \[\(10, 10\), \(5, 5\), \(3, 3\)\]"),
        ("open", {}, "images of a fixed size"),
        ("glyphs", {}, "a hub SavedModel, one layer, has not"),
    ],
)
def test_what_cannot_be_segmented_is_refused(backbone, arguments, message):
    if backbone is None or isinstance(backbone, int):
        backbone = small_backbone(backbone or 16)
    elif backbone == "open":
        inputs = keras.Input((None, None, 3))
        backbone = keras.Model(inputs, keras.layers.Conv2D(4, 3)(inputs))
    elif backbone == "glyphs":
        if keras.backend.backend() != "tensorflow":
            pytest.skip("a SavedModel needs TensorFlow")
        backbone = backbones.from_hub("saved_models/glyphs")
    with pytest.raises(ValueError, match=message):
        surgery.segmenter(backbone, **{"num_classes": 3, **arguments})


@pytest.mark.slow
def test_a_network_is_learned_saved_and_loaded(trained, tmp_path):
    model, images, labels = trained
    assert model.evaluate(images, labels, verbose=0)[1] > 0.95
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), model.predict(images, verbose=0))


@pytest.mark.slow
@pytest.mark.parametrize("quantize", [pytest.param(None, marks=pytest.mark.exhaustive), "int8"])
def test_files_agree_per_pixel(trained, tmp_path, quantize):
    pytest.importorskip("tensorflow", reason="LiteRT needs TensorFlow")
    model, images, labels = trained
    how = {"quantize": quantize, "calibration": images[:30]} if quantize else {}
    facts = tlkeras.export.export_litert(model, tmp_path / "m.tflite", samples=images[30:], labels=labels[30:], **how)
    assert facts["agreement"] >= (0.98 if quantize else 1.0)
    found = (model.predict(images[30:], verbose=0).argmax(-1) == labels[30:]).mean()
    assert facts["model_accuracy"] == pytest.approx(found) and abs(facts["accuracy"] - found) < 0.02


def test_a_pixel_that_differs_counts_as_one_of_all():
    compare = pytest.importorskip("tlkeras.export.reference").compare
    logits = RNG.normal(size=(2, 16, 16, 2))
    other = logits.copy()
    other[0, 0, 0] = other[0, 0, 0, ::-1]
    assert compare(logits, other)[0] == 1 - 1 / 512
