import os
import pathlib

import keras
import numpy as np
import pytest

from tlkeras import TransferModel
from tlkeras.backbones import Backbone, blocks, from_applications, from_hub
from tlkeras.surgery import classifier, unfreeze

DATA = os.environ.get("TLKERAS_DATA")
TENSORFLOW = keras.backend.backend() == "tensorflow"


def application(name, **kwargs):
    keras.utils.set_random_seed(0)
    return from_applications(name, weights=None, input_shape=(32, 32, 3), **kwargs)


ORIGINS = {
    "MobileNetV2": lambda: application("MobileNetV2", alpha=0.35),
    "ResNet50": lambda: application("ResNet50"),
    "EfficientNetB0": lambda: application("EfficientNetB0"),
    "hub": lambda: from_hub(pathlib.Path(DATA, "hub/mobilenet_v2_035_224_feature_vector")),
}


def step(model):
    """Returns the paths of the variables that one step of training moves."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(10.0), loss, jit_compile=not TENSORFLOW)
    before = {variable.path: np.array(variable) for variable in model.weights}
    rng = np.random.default_rng(0)
    size = getattr(model, "model", model).input_shape[1:]
    images = rng.integers(0, 256, (4, *size)).astype("float32")
    model.fit(images, np.arange(4) % 3, epochs=2, verbose=0, batch_size=4)
    return {variable.path for variable in model.weights if not np.array_equal(variable, before[variable.path])}


@pytest.mark.parametrize(
    "origin",
    [name if name in ("MobileNetV2", "hub") else pytest.param(name, marks=pytest.mark.exhaustive) for name in ORIGINS],
)
@pytest.mark.parametrize("depth", [0, 2])
def test_training_moves_exactly_the_top_blocks(origin, depth):
    if origin == "hub" and not (DATA and TENSORFLOW):
        pytest.skip("TLKERAS_DATA is not set, or the backend is not TensorFlow")
    model = classifier(ORIGINS[origin](), 3)
    unfreeze(model, depth)
    found = blocks(model)
    top = [variable for block in found[len(found) - depth :] for variable in block.variables]
    averages = {variable.path for variable in top if "moving" in variable.path}
    expected = {variable.path for variable in top} | {"logits/kernel", "logits/bias"}
    if origin == "hub":
        expected -= averages  # a partly frozen SavedModel runs in inference mode
    moved = step(model)
    assert moved <= expected
    # A bias before BatchNorm has no gradient (ResNet50's), and a dead ReLU may hide a kernel.
    missing = {path for path in expected - moved if not path.endswith("bias")}
    assert not missing


def test_all_and_share(capsys):
    model = classifier(application("MobileNetV2", alpha=0.35), 3)
    assert unfreeze(model, 0) == pytest.approx(3843 / model.count_params())
    assert "training moves 0 of 19 blocks and the head: 3,843 of" in capsys.readouterr().out
    share = unfreeze(model, "all")
    assert share == unfreeze(model, 19) and "19 of 19" in capsys.readouterr().out
    assert len(model.trainable_variables) == 156 + 2


def test_freeze_bn_false_lets_the_averages_below_the_line_move():
    model = classifier(application("MobileNetV2", alpha=0.35), 3)
    unfreeze(model, 0, freeze_bn=False)
    moved = step(model)
    assert any(path.startswith("Conv1") or "bn_Conv1/moving_mean" in path for path in moved)
    assert not any(path.endswith("kernel") and "logits" not in path for path in moved)


def test_batchnorm_can_be_frozen_in_all_blocks():
    model = classifier(application("MobileNetV2", alpha=0.35), 3)
    unfreeze(model, "all", freeze_bn="all")
    trained = {variable.path for variable in model.trainable_variables}
    assert not any("BN" in path or "bn" in path for path in trained | step(model))
    assert {"Conv1/kernel", "Conv_1/kernel"} < trained
    with pytest.raises(ValueError, match='must be True, False or "all"'):
        unfreeze(model, 1, freeze_bn="below")


@pytest.mark.skipif(not TENSORFLOW, reason="a SavedModel needs TensorFlow")
@pytest.mark.parametrize(("depth", "freeze_bn", "moves"), [
    ("all", True, True), ("all", "all", False), (2, True, False), (2, False, True),
])  # fmt: skip
def test_averages_of_a_savedmodel_move_only_in_training_mode(depth, freeze_bn, moves):
    model = classifier(from_hub("saved_models/glyphs"), 3)
    unfreeze(model, depth, freeze_bn=freeze_bn)
    assert any("moving" in path for path in step(model)) is moves


def test_a_compiled_model_must_be_compiled_again(capsys):
    model = classifier(application("MobileNetV2", alpha=0.35), 3)
    unfreeze(model, 0)
    step(model)
    unfreeze(model, 1)
    assert "compile the model again" in capsys.readouterr().out
    with pytest.raises(ValueError, match="compile"):
        model.fit(np.zeros((1, 32, 32, 3)), np.zeros(1, int))
    assert any("Conv_1" in path for path in step(model))


def test_a_transfer_model_must_be_compiled_again():
    model = classifier(application("MobileNetV2", alpha=0.35), 3)
    unfreeze(model, 0)
    transfer = TransferModel(model, [])
    step(transfer)
    unfreeze(model, 1)
    with pytest.raises(ValueError, match="Compile the model again"):
        transfer.fit(np.zeros((1, 32, 32, 3)), np.zeros(1, int))
    step(transfer)


@pytest.mark.parametrize("depth", [-1, 20, 1.5, True, "top", None])
def test_depth_out_of_range(depth):
    model = classifier(application("MobileNetV2", alpha=0.35), 3)
    with pytest.raises(ValueError, match=r'must be "all" or a number in 0..19'):
        unfreeze(model, depth)


def test_the_head_of_a_frozen_clone_trains():
    model = classifier(application("MobileNetV2", alpha=0.35), 3, bottleneck=4)
    model.trainable = False
    clone = keras.models.clone_model(model)
    unfreeze(clone, 0)
    heads = {"bottleneck_dense", "bottleneck_norm", "logits"}
    assert {variable.path.split("/")[0] for variable in clone.trainable_variables} == heads


def test_a_backbone_alone():
    backbone = application("MobileNetV2", alpha=0.35)
    assert isinstance(backbone, Backbone)
    unfreeze(backbone, 1)
    assert {variable.path.split("/")[0] for variable in backbone.trainable_variables} == {"Conv_1", "Conv_1_bn"}


@pytest.mark.skipif(not TENSORFLOW, reason="a SavedModel needs TensorFlow")
def test_depth_of_a_hub_layer_is_saved(tmp_path):
    model = classifier(from_hub("saved_models/glyphs"), 3)
    unfreeze(model, 2)
    names = [variable.path for variable in model.trainable_variables]
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert [variable.path for variable in again.trainable_variables] == names
    assert again.get_layer("hub").depth == 2


@pytest.mark.skipif(not TENSORFLOW, reason="a SavedModel needs TensorFlow")
def test_depth_of_a_hub_layer_outlasts_being_switched_off():
    layer = from_hub("saved_models/glyphs").get_layer("hub")
    layer.unfreeze(2)
    names = [variable.path for variable in layer.trainable_variables]
    layer.trainable = False
    again = type(layer).from_config(layer.get_config())
    assert not layer.trainable_variables and not again.trainable_variables
    again.trainable = True
    assert [variable.path for variable in again.trainable_variables] == names


class Pair(keras.layers.Layer):
    """A block in one layer, as KerasHub writes them."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense, self.norm = keras.layers.Dense(4), keras.layers.BatchNormalization()

    def build(self, shape):
        self.dense.build(shape)
        self.norm.build((None, 4))

    def call(self, inputs, training=None):
        return self.norm(self.dense(inputs), training=training)


def test_batchnorm_inside_a_layer_is_frozen_again_after_it_was_rebuilt():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Identity(name="features")(Pair(name="block")(inputs)))
    unfreeze(model, 1, freeze_bn="all")
    again = keras.models.clone_model(model)
    assert again.get_layer("block").norm.trainable  # Keras keeps the flag of the whole layer only
    unfreeze(again, 1, freeze_bn="all")
    assert not again.get_layer("block").norm.trainable and again.get_layer("block").dense.trainable


@pytest.mark.parametrize(("freeze_bn", "trained"), [(True, [False, True]), (False, [True] * 2), ("all", [False] * 2)])
def test_batchnorm_inside_a_layer(freeze_bn, trained):
    inputs = keras.Input((4,))
    features = keras.layers.Identity(name="features")(Pair(name="block_2")(Pair(name="block_1")(inputs)))
    model = keras.Model(inputs, keras.layers.Dense(3, name="logits")(features))
    unfreeze(model, 1, freeze_bn=freeze_bn)
    pairs = [model.get_layer(name) for name in ("block_1", "block_2")]
    assert [pair.norm.trainable for pair in pairs] == trained
    assert [pair.trainable and pair.dense.trainable for pair in pairs] == [False, True]
    before = [np.array(pair.norm.moving_mean) for pair in pairs]
    model.compile("sgd", "mse", jit_compile=not TENSORFLOW)
    model.fit(np.random.default_rng(0).normal(3.0, size=(8, 4)), np.zeros((8, 3)), verbose=0)
    moved = [not np.array_equal(pair.norm.moving_mean, value) for pair, value in zip(pairs, before, strict=True)]
    assert moved == trained
