import keras
import numpy as np
import pytest

from tlkeras import backbones, methods, surgery
from tlkeras.optimizers import groups
from tlkeras.transfer import TransferModel

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def network():
    """Three blocks, the middle one with BatchNormalization, and a head of one layer."""
    inputs = keras.Input((4,), name="image")
    x = keras.layers.Dense(5, name="low")(inputs)
    x = keras.layers.Dense(6, name="mid")(x)
    x = keras.layers.BatchNormalization(name="mid_norm")(x)
    x = keras.layers.Dense(7, name="top")(x)
    x = keras.layers.Identity(name="features")(x)
    return keras.Model(inputs, keras.layers.Dense(3, name="logits")(x))


def rates(model, optimizer):
    return {variable.path: round(optimizer.rate_of(variable), 6) for variable in model.trainable_variables}


def test_each_block_has_the_rate_of_its_height():
    model = network()
    assert [block.name for block in backbones.blocks(model)] == ["low", "mid", "top"]
    optimizer = groups(model, keras.optimizers.SGD(1.0), backbone=0.5, decay=0.2)
    expected = {"top": 0.1, "mid": 0.02, "mid_norm": 0.02, "low": 0.004, "logits": 1.0}
    assert rates(model, optimizer) == {v.path: expected[v.path.split("/")[0]] for v in model.trainable_variables}


@pytest.mark.parametrize("wrap", [lambda model: model, lambda model: TransferModel(model, [methods.DANN(hidden=(8,))])])
def test_every_trainable_variable_is_in_one_group_and_moves_by_its_rate(wrap):
    steps = {}
    for kind in ("plain", "grouped"):
        keras.utils.set_random_seed(0)
        model = wrap(network())
        sgd = keras.optimizers.SGD(0.5)
        model.compile(sgd if kind == "plain" else groups(model, sgd, backbone=0.5, decay=0.5), LOSS, jit_compile=True)
        before = [v.numpy() for v in model.trainable_variables]
        x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
        data = {"source": x, "target": x + 1} if isinstance(model, TransferModel) else x
        model.fit(data, np.arange(8) % 3, batch_size=8, verbose=0)
        steps[kind] = {v.path: v.numpy() - b for v, b in zip(model.trainable_variables, before, strict=True)}
    members = [v for copy in model.optimizer._inner_optimizers for v in copy._trainable_variables]
    assert sorted(map(id, members)) == sorted(map(id, model.trainable_variables))
    multiples = {"top": 0.25, "mid": 0.125, "mid_norm": 0.125, "low": 0.0625}
    assert len(steps["plain"]) == len(model.trainable_variables)
    for path, step in steps["plain"].items():
        np.testing.assert_allclose(steps["grouped"][path], multiples.get(path.split("/")[0], 1.0) * step, atol=2e-7)


def test_frozen_blocks_are_in_their_group_before_they_train():
    model = network()
    frozen = [layer for layer in model.layers if layer.name != "logits"]
    for layer in frozen:
        layer.trainable = False
    optimizer = groups(model, keras.optimizers.SGD(1.0), backbone=0.5)
    for layer in frozen:
        layer.trainable = True
    assert rates(model, optimizer)["low/kernel"] == 0.5


def test_a_group_without_a_trainable_variable_is_saved_and_loaded(tmp_path):
    model = network()
    model.get_layer("low").trainable = False
    model.compile(groups(model, "adam", decay=0.5), LOSS, jit_compile=True)
    x, y = np.ones((8, 4), "float32"), np.arange(8) % 3
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for one in (model, loaded):
        one.fit(x, y, verbose=0, shuffle=False)
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="HubLayer needs TensorFlow")
def test_the_variables_of_a_hub_backbone_are_in_the_groups_of_their_blocks():
    model = surgery.classifier(backbones.from_hub("saved_models/glyphs", trainable=True), 10)
    optimizer = groups(model, keras.optimizers.SGD(1.0), decay=0.5)
    found = backbones.blocks(model)
    for height, block in enumerate(reversed(found), start=1):
        assert {optimizer.rate_of(variable) for variable in block.variables} == {0.5**height}
    assert {optimizer.rate_of(variable) for variable in backbones.head_variables(model)} == {1.0}


def test_variables_of_one_path_in_different_groups_are_refused():
    inner = network()
    twin = keras.layers.Dense(2, name="low")
    twin.build((None, 4))
    model = TransferModel(inner, [])
    model.twin = twin
    with pytest.raises(ValueError, match="Received: two variables 'low/kernel'"):
        groups(model, "adam", backbone=0.1)
    assert groups(model, "adam").multiples == {}


def test_a_frozen_teacher_may_have_the_paths_of_the_model():
    inner = network()
    teacher = keras.models.clone_model(inner)
    transfer = TransferModel(inner, [methods.LogitDistillation(teacher, tap=inner.layers[-1].name)])
    assert groups(transfer, "adam", decay=0.5).multiples == groups(inner, "adam", decay=0.5).multiples != {}


@pytest.mark.parametrize("argument", ["backbone", "decay"])
@pytest.mark.parametrize("value", [0, -0.1, "x", None, float("inf"), True])
def test_a_factor_must_be_positive(argument, value):
    with pytest.raises(ValueError, match=f"`{argument}` must be a number > 0; freeze with .* Received: {argument}="):
        groups(network(), "adam", **{argument: value})
