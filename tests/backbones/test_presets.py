import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from tlkeras.backbones import from_preset
from tlkeras.layers.preset_layer import PresetLayer

keras_hub = pytest.importorskip("keras_hub", reason='needs the extra "presets"')
models = keras_hub.models

PIXELS = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype="uint8")
IMAGENET = {
    "scale": [1 / (255 * deviation) for deviation in (0.229, 0.224, 0.225)],
    "offset": [-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225],
}
SHAPE = (32, 32, 3)
TOKENS = {"image_shape": SHAPE, "patch_size": 8, "num_layers": 2, "num_heads": 2, "hidden_dim": 8}


def resnet(shape=(None, None, 3)):
    return models.ResNetBackbone([64], [3], [64, 64], [1, 1], [1, 2], "basic_block", image_shape=shape)


def mobilenet():
    return models.MobileNetBackbone(
        stackwise_expansion=[[8], [16, 16]],
        stackwise_num_blocks=[1, 2],
        stackwise_num_filters=[[8], [8, 8]],
        stackwise_kernel_size=[[3], [3, 3]],
        stackwise_num_strides=[[2], [2, 1]],
        stackwise_se_ratio=[[None], [None, 0.25]],
        stackwise_activation=[["relu"], ["relu", "hard_swish"]],
        stackwise_padding=[[1], [1, 1]],
        output_num_filters=16,
        input_num_filters=8,
        input_activation="hard_swish",
        output_activation="hard_swish",
        last_layer_filter=16,
        depthwise_filters=8,
        depthwise_stride=2,
        depthwise_residual=False,
        image_shape=SHAPE,
    )


def mean(tensor):
    return tensor.reshape(len(tensor), -1, tensor.shape[-1]).mean(1)


def first(tokens):
    return tokens[:, 0]


# Architecture, how its output becomes a vector, whether the graph is flat.
FAMILIES = {
    "resnet": (resnet, mean, True),
    "densenet": (lambda: models.DenseNetBackbone([1, 1], growth_rate=4, image_shape=SHAPE), mean, True),
    "mobilenet": (mobilenet, mean, True),
    "vit": (lambda: models.ViTBackbone(**TOKENS, mlp_dim=16), first, False),
    "vit_without_token": (lambda: models.ViTBackbone(**TOKENS, mlp_dim=16, use_class_token=False), mean, False),
    "deit": (lambda: models.DeiTBackbone(**TOKENS, intermediate_dim=16), first, False),
    "dinov2": (
        lambda: models.DINOV2Backbone(**TOKENS, intermediate_dim=16, position_embedding_shape=SHAPE),
        first,
        True,
    ),
    "swin": (lambda: models.SwinTransformerBackbone(SHAPE, 8, [1, 1], [2, 2], 4), mean, False),
}


def save(directory, model, converter=True, **kwargs):
    model.save_to_preset(str(directory))
    if converter:
        scaling = {"image_size": (32, 32), **IMAGENET, **kwargs}
        kind = next(c for c in all_converters() if c.backbone_cls is type(model))
        kind(**scaling).save_to_preset(str(directory))
    return directory


def all_converters():
    return keras_hub.layers.ImageConverter.__subclasses__()


def by_the_preset_itself(directory):
    """The output of the preset behind its own image converter, both as KerasHub loads them.

    Of floats: the converter computes in integers where it gets them and has an offset only.
    """
    model = models.Backbone.from_preset(str(directory))
    converted = keras_hub.layers.ImageConverter.from_preset(str(directory))(PIXELS.astype("float32"))
    return np.asarray(model(keras.tree.pack_sequence_as(model.input, [converted])))


FAST = ("resnet", "vit", "dinov2")


@pytest.mark.parametrize(
    "family", [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in FAMILIES]
)
def test_pixels_give_what_the_preset_gives_behind_its_own_converter(tmp_path, family):
    build, pooled, flat = FAMILIES[family]
    directory = save(tmp_path / "preset", build())
    backbone = from_preset(directory)
    expected = pooled(by_the_preset_itself(directory))
    np.testing.assert_allclose(backbone(PIXELS), expected, atol=1e-5)
    np.testing.assert_allclose(backbone(PIXELS.astype("float32")), expected, atol=1e-5)
    names = [layer.name for layer in backbone.layers]
    assert names[:2] == ["image", "scaling"] and names[-1] == "features"
    assert (backbone.input_size, backbone.value_range, backbone.width) == ((32, 32), (0, 255), expected.shape[1])
    assert any(isinstance(layer, PresetLayer) for layer in backbone.layers) != flat
    assert backbone.trainable_variables == [] and backbone.blocks
    backbone.save(tmp_path / "b.keras")
    again = keras.models.load_model(tmp_path / "b.keras")
    np.testing.assert_array_equal(again(PIXELS), backbone(PIXELS))
    assert again.fingerprint == backbone.fingerprint


@pytest.mark.parametrize(
    "scaling",
    [
        {"scale": 1 / 127.5, "offset": -1.0},
        {"scale": 1 / 255, "offset": None},
        {"scale": None, "offset": [-103.9, -116.8, -123.7]},
        {"scale": None, "offset": None},
    ],
)
def test_every_form_of_scaling_is_inside(tmp_path, scaling):
    directory = save(tmp_path / "preset", mobilenet(), **scaling)
    expected = mean(by_the_preset_itself(directory))
    np.testing.assert_allclose(from_preset(directory)(PIXELS), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", ["resnet", "vit"])
def test_trainable_is_handed_on_and_training_moves_it(tmp_path, family):
    directory = save(tmp_path / "preset", FAMILIES[family][0]())
    backbone = from_preset(directory, trainable=True)
    model = keras.Model(backbone.input, keras.layers.Dense(2, name="logits")(backbone.output))
    model.compile("sgd", "mse")
    before = [variable.numpy() for variable in backbone.trainable_variables]
    model.fit(PIXELS, np.ones((2, 2)), verbose=0)
    moved = [not np.array_equal(a, v.numpy()) for a, v in zip(before, backbone.trainable_variables, strict=True)]
    assert len(moved) > 5 and sum(moved) > len(moved) / 2


def test_a_keras_file_loads_in_a_process_that_never_imported_keras_hub(tmp_path):
    for family in ("resnet", "vit"):
        from_preset(save(tmp_path / family, FAMILIES[family][0]())).save(tmp_path / f"{family}.keras")
    code = (
        "import sys, keras, tlkeras.backbones; assert 'keras_hub' not in sys.modules;"
        f"[keras.models.load_model(rf'{tmp_path}/{{n}}.keras') for n in ('resnet', 'vit')]"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, capture_output=True)


def test_input_shape_is_the_converters_or_the_callers(tmp_path):
    directory = save(tmp_path / "open", resnet())
    assert from_preset(directory).input_size == (32, 32)
    backbone = from_preset(directory, input_shape=(48, 40, 3))
    assert backbone.input_size == (48, 40) and backbone(np.zeros((1, 48, 40, 3))).shape == (1, 64)
    for wrong in ((48, 40, 1), (48, 40)):
        with pytest.raises(ValueError, match=r"`input_shape` must fit.*Received: input_shape="):
            from_preset(directory, input_shape=wrong)
    fixed = save(tmp_path / "fixed", FAMILIES["vit"][0](), image_size=(64, 64))
    assert from_preset(fixed).input_size == (32, 32)
    with pytest.raises(ValueError, match=r"`input_shape` must fit what the preset takes, \(32, 32, 3\)"):
        from_preset(fixed, input_shape=(64, 64, 3))


def test_a_size_that_nobody_names_must_be_given(tmp_path):
    directory = save(tmp_path / "open", resnet(), image_size=None)
    with pytest.raises(ValueError, match="`input_shape` must be given in full.*Received: input_shape=None"):
        from_preset(directory)
    assert from_preset(directory, input_shape=(32, 32, 3)).input_size == (32, 32)


def test_a_preset_of_several_feature_maps_says_why_not(tmp_path):
    directory = save(tmp_path / "pyramid", models.RetinaNetBackbone(resnet(), 2, 3, use_p5=False), converter=False)
    with pytest.raises(ValueError, match=r"which level of a pyramid.*that gives \['P"):
        from_preset(directory)


def test_a_text_preset_without_a_tokenizer_says_why_not(tmp_path):
    bert = models.BertBackbone(20, 1, 2, 8, 16, max_sequence_length=6)
    with pytest.raises(ValueError, match="(?s)must hold a tokenizer of text.*Received: preset="):
        from_preset(save(tmp_path / "bert", bert, converter=False))


def test_a_preset_without_a_converter_says_that_its_scaling_is_unknown(tmp_path):
    with pytest.raises(ValueError, match="must hold an image converter.*Received: preset="):
        from_preset(save(tmp_path / "preset", mobilenet(), converter=False))


@pytest.mark.parametrize("preset", ["resnet_18_imagenot", "no/such/directory"])
def test_an_unknown_preset_is_a_clear_error(preset):
    with pytest.raises(ValueError, match=f"(?s)`preset` must be a preset of KerasHub.*Received: preset='{preset}'"):
        from_preset(preset)


def test_a_damaged_preset_is_a_clear_error(tmp_path):
    directory = save(tmp_path / "preset", mobilenet())
    weights = next(directory.glob("*.weights.h5"))
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ValueError, match="(?s)that it is whole.*Received: preset="):
        from_preset(directory)
    (directory / "config.json").write_text(json.dumps({"no": "model"}))
    with pytest.raises(ValueError, match="(?s)that it is whole.*Received: preset="):
        from_preset(directory)


def test_without_keras_hub_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(ImportError, match=r'pip install "tlkeras\[presets\]".*Received: preset='):
        from_preset("resnet_18_imagenet")
