import dataclasses

import keras
import numpy as np
import pytest

from recipes.common.adaptation import Budget, adapt, head
from recipes.common.ways import WAYS


def trained(name, tmp_path, backbone=None):
    random = np.random.default_rng(0)
    source, target = random.normal(0, 1, (64, 4)).astype("float32"), random.normal(5, 1, (64, 4)).astype("float32")
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    model = head(backbone or keras.Model(inputs, inputs), 3, 8)
    way = dataclasses.replace(WAYS[name], batch_size=16)
    budget = Budget(steps=400, epochs=2, seed=0, folder=tmp_path)
    _, select = adapt(model, way, (source, random.integers(0, 3, 64)), target, budget)
    return model, select, source, target


@pytest.mark.parametrize(("name", "kept"), [("mcc", 1), ("source", 0)])
def test_the_model_keeps_the_statistics_of_the_target(name, kept, tmp_path):
    model, select, *domains = trained(name, tmp_path)
    dense, norm = model.get_layer("bottleneck_dense"), model.get_layer("bottleneck_norm")
    assert type(norm) is keras.layers.BatchNormalization
    means = [keras.ops.convert_to_numpy(dense(rows)).mean(axis=0) for rows in domains]
    distances = [np.abs(keras.ops.convert_to_numpy(norm.moving_mean) - mean).max() for mean in means]
    assert distances[kept] < 0.3 * distances[1 - kept]
    assert [weight.shape for weight in select.best_weights] == [weight.shape for weight in model.get_weights()]


def test_a_way_for_other_classes_keeps_the_statistics_of_both(tmp_path):
    model, _, *domains = trained("pada", tmp_path)
    dense, norm = model.get_layer("bottleneck_dense"), model.get_layer("bottleneck_norm")
    means = [keras.ops.convert_to_numpy(dense(rows)).mean(axis=0) for rows in domains]
    np.testing.assert_allclose(norm.moving_mean, (means[0] + means[1]) / 2, rtol=0.2, atol=0.2)


def test_a_model_without_batch_norm_trains_as_it_is(tmp_path):
    inputs = keras.Input((4,))
    backbone = keras.Model(inputs, keras.layers.Dense(5, name="features")(inputs))
    model = head(backbone, 3, None)
    before = model.get_weights()
    random = np.random.default_rng(0)
    rows = random.normal(size=(32, 4)).astype("float32")
    adapt(model, dataclasses.replace(WAYS["coral"], batch_size=8), (rows, np.arange(32) % 3), rows + 1,
          Budget(steps=4, epochs=1, seed=0, folder=tmp_path))  # fmt: skip
    assert not np.array_equal(before[0], model.get_weights()[0])
