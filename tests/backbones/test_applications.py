import importlib
import os
import pathlib

import keras
import numpy as np
import pytest

from tlkeras.backbones import application_names, from_applications, from_hub
from tlkeras.backbones.graph import nodes_of

DATA = os.environ.get("TLKERAS_DATA")
FAMILIES = [
    ("ConvNeXtTiny", 32), ("DenseNet121", 32), ("EfficientNetB0", 32), ("EfficientNetV2B0", 32),
    ("InceptionResNetV2", 75), ("InceptionV3", 75), ("MobileNet", 32), ("MobileNetV2", 32), ("MobileNetV3Small", 32),
    ("NASNetMobile", 32), ("ResNet50", 32), ("ResNet50V2", 32), ("VGG16", 32), ("VGG19", 32), ("Xception", 71),
]  # fmt: skip


IN_CI = ("MobileNetV2", "MobileNetV3Small", "ResNet50")  # scales to -1..1, inside itself, as Caffe did


def own_preprocessing(name, images):
    module = importlib.import_module(getattr(keras.applications, name).__module__)
    return module.preprocess_input(images.astype("float32"))


@pytest.mark.parametrize(("name", "size"), FAMILIES)
def test_each_family_sees_what_its_own_preprocessing_gives(name, size):
    backbone = from_applications(name, weights=None, input_shape=(size, size, 3))
    images = np.random.default_rng(0).integers(0, 256, (2, size, size, 3), dtype="uint8")
    seen = keras.Model(backbone.input, backbone.get_layer("scaling").output)(images)
    np.testing.assert_allclose(seen, own_preprocessing(name, images), rtol=1e-5, atol=2e-5)
    readers = [node for node in nodes_of(backbone) if any(each is backbone.input for each in node.input_tensors)]
    assert len(readers) == 1  # whatever else is in the backbone comes after the scaling
    assert backbone.input_size == (size, size) and backbone.value_range == (0, 255)
    assert backbone.output_shape == (None, backbone.width)
    assert 1 < len(backbone.blocks) < 70
    listed = {id(variable) for block in backbone.blocks for variable in block.variables}
    left = [v for v in backbone.weights if id(v) not in listed]
    assert all("normalization" in variable.path for variable in left)  # EfficientNet's fixed preprocessing


@pytest.mark.parametrize(
    ("name", "size"),
    [pytest.param(*family, marks=() if family[0] in IN_CI else pytest.mark.exhaustive) for family in FAMILIES],
)
def test_feeding_0_to_255_gives_the_familys_own_features(name, size):
    keras.utils.set_random_seed(0)
    backbone = from_applications(name, weights=None, input_shape=(size, size, 3))
    own = getattr(keras.applications, name)
    application = own(weights=None, include_top=False, pooling="avg", input_shape=(size, size, 3))
    application.set_weights(backbone.get_weights())
    images = np.random.default_rng(0).integers(0, 256, (2, size, size, 3), dtype="uint8")
    expected = np.asarray(application(own_preprocessing(name, images)))
    features = np.asarray(backbone(images))
    np.testing.assert_allclose(features, expected, rtol=2e-4, atol=2e-4 * np.abs(expected).max())
    assert features.shape == (2, backbone.width)


def test_every_family_is_covered():
    modules = {getattr(keras.applications, name).__module__ for name in application_names()}
    assert modules == {getattr(keras.applications, name).__module__ for name, _ in FAMILIES}


def test_saves_and_loads_as_a_backbone(tmp_path):
    backbone = from_applications("ResNet50", weights=None, input_shape=(32, 32, 3))
    backbone.save(tmp_path / "backbone.keras")
    again = keras.models.load_model(tmp_path / "backbone.keras")
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype="uint8")
    np.testing.assert_array_equal(again(images), backbone(images))
    assert again.fingerprint == backbone.fingerprint and len(again.blocks) == 17


def test_fingerprint_follows_weights_and_scaling_not_names():
    keras.utils.set_random_seed(0)
    first = from_applications("MobileNetV2", weights=None, input_shape=(32, 32, 3), alpha=0.35)
    keras.utils.set_random_seed(0)
    second = from_applications("MobileNetV2", True, weights=None, input_shape=(32, 32, 3), alpha=0.35)
    assert first.fingerprint == second.fingerprint
    second.get_layer("scaling").scale = 2.0
    assert first.fingerprint != second.fingerprint
    first.weights[0].assign_add(np.full(first.weights[0].shape, 1e-3))
    keras.utils.set_random_seed(0)
    assert first.fingerprint != from_applications(
        "MobileNetV2", weights=None, input_shape=(32, 32, 3), alpha=0.35
    ).fingerprint


def test_default_size_is_that_of_the_weights():
    assert from_applications("MobileNetV3Small", weights=None).input_size == (224, 224)


@pytest.mark.parametrize(
    ("name", "kwargs", "text"),
    [
        ("MobilNetV2", {}, "MobileNetV2"),
        ("MobileNetV2", {"weights": None, "input_shape": (20, 20, 3)}, "at least 32x32"),
        ("ResNet50", {"weights": None, "alpha": 0.5}, "alpha"),
        ("MobileNetV2", {"weights": "no_such_file.h5"}, "no_such_file"),
        ("MobileNetV2", {"input_shape": (96, 96, 1)}, r"with 3 channels for the weights of ImageNet .*\(96, 96, 1\)"),
        ("ResNet50", {"weights": None, "input_shape": (96, 96, 1)}, "scales each channel in its own way"),
        ("MobileNetV2", {"weights": None, "input_shape": (96, 96)}, "must be .height, width, channels."),
        ("ConvNeXtTiny", {"weights": None, "include_preprocessing": False}, "include_preprocessing"),
    ],
)
def test_bad_arguments(name, kwargs, text):
    with pytest.raises(ValueError, match=text):
        from_applications(name, **kwargs)


def test_grey_images_where_nothing_is_pretrained():
    backbone = from_applications("MobileNetV2", weights=None, input_shape=(32, 32, 1), alpha=0.35)
    assert backbone.input_shape == (None, 32, 32, 1)


def test_weights_of_another_model(tmp_path):
    other = from_applications("MobileNetV2", weights=None, input_shape=(32, 32, 3), alpha=0.5)
    other.save_weights(tmp_path / "other.weights.h5")
    with pytest.raises(ValueError, match="of this model without its top"):
        from_applications("MobileNetV2", weights=tmp_path / "other.weights.h5", alpha=0.35)


@pytest.mark.skipif(not DATA, reason="TLKERAS_DATA is not set")
def test_imagenet_weights_from_a_file_equal_the_hub_savedmodel():
    weights = pathlib.Path(DATA, "weights/mobilenet_v2_0.35_224_imagenet_notop.weights.h5")
    application = from_applications("MobileNetV2", weights=weights, alpha=0.35)
    hub = from_hub(pathlib.Path(DATA, "hub/mobilenet_v2_035_224_feature_vector"))
    images = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype="uint8")
    np.testing.assert_allclose(application(images), hub(images), atol=1e-4)
    assert [block.name for block in hub.blocks] == [block.name for block in application.blocks]
    for mine, theirs in zip(hub.blocks, application.blocks, strict=True):
        assert [tuple(v.shape) for v in mine.variables] == [tuple(v.shape) for v in theirs.variables]
