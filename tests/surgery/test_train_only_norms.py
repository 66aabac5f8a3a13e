import keras
import numpy as np
import pytest

from tests.surgery.test_norms import Block
from tlkeras.surgery import train_only_norms
from tlkeras.testing import common


def moved_by_a_step(model):
    before = common.values(model.weights)
    common.compile_model(model, 1.0)
    model.train_on_batch(np.random.default_rng(0).normal(size=(8, 4)), np.arange(8) % 3)
    return common.changed(before, common.values(model.weights))


def test_scale_and_offset_train_and_nothing_else_whatever_was_frozen():
    model = common.small_model(batch_norm=True)
    model.trainable = False
    assert train_only_norms(model) == pytest.approx(16 / 99)
    assert moved_by_a_step(model) == {f"norm/{name}" for name in ("gamma", "beta", "moving_mean", "moving_variance")}


def test_norms_inside_other_layers_are_found():
    entry = keras.Input((4,))
    inner = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(4), keras.layers.BatchNormalization(name="norm")], name="inner"
    )
    model = keras.Model(entry, keras.layers.Dense(3)(Block(name="block")(inner(entry))))
    train_only_norms(model)
    inside = model.get_layer("block").norm.path
    assert {path.rsplit("/", 1)[0] for path in moved_by_a_step(model)} == {inside, "inner/norm"}


def test_a_compiled_model_must_be_compiled_anew():
    model = common.small_model(batch_norm=True)
    common.compile_model(model)
    train_only_norms(model)
    with pytest.raises(ValueError, match="compile"):
        model.fit(np.ones((4, 4)), np.zeros(4), verbose=0)


def test_a_model_without_any_is_refused():
    with pytest.raises(ValueError, match="must have a BatchNormalization layer.*Received: layers .*Dense"):
        train_only_norms(common.small_model())
