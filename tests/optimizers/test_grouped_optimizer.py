import keras
import numpy as np
import pytest

from tlkeras.optimizers import GroupedOptimizer, Warmup
from tlkeras.transfer import TransferModel

X = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
Y = np.arange(16) % 3
MULTIPLES = {"low/kernel": 0.25, "low/bias": 0.25, "low2/kernel": 0.5, "low2/bias": 0.5}
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def network():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    x = keras.layers.Dense(5, name="low")(inputs)
    x = keras.layers.Dense(5, name="low2")(x)
    return keras.Model(inputs, keras.layers.Dense(3, name="logits")(x))


def compiled(optimizer, model=None, **kwargs):
    model = model or network()
    model.compile(optimizer, LOSS, **kwargs)
    return model


def moved(optimizer):
    model = compiled(optimizer)
    before = [np.array(w) for w in model.get_weights()]
    model.fit(X, Y, batch_size=16, verbose=0, shuffle=False)
    return {v.path: b - a for v, b, a in zip(model.variables, before, model.get_weights(), strict=True)}


@pytest.mark.parametrize("schedule", [False, True])
def test_each_variable_moves_by_its_multiple_of_the_plain_step(schedule):
    rate = Warmup(0.5, 1) if schedule else 0.5
    plain = moved(keras.optimizers.SGD(rate))
    grouped = moved(GroupedOptimizer(keras.optimizers.SGD(rate), MULTIPLES))
    for path, step in plain.items():
        np.testing.assert_allclose(grouped[path], MULTIPLES.get(path, 1.0) * step, atol=1e-7)
        assert np.abs(step).max() > 1e-4


def test_paths_match_letter_for_letter():
    # As a pattern, "a.b/kernel" matches "aXb/kernel", and "low/kernel" begins "low/kernel_2".
    optimizer = GroupedOptimizer(keras.optimizers.SGD(1.0), {"a.b/kernel": 0.5, "low/kernel": 0.5, "c(/kernel": 0.25})
    rates = {}
    for path in ("a.b", "aXb", "low", "xlow", "c("):
        dense = keras.layers.Dense(1, name=path)
        dense.build((None, 1))
        rates[path] = optimizer.rate_of(dense.kernel)
        assert float(optimizer._optimizer_map(dense.kernel).learning_rate) == rates[path]
    assert rates == {"a.b": 0.5, "aXb": 1.0, "low": 0.5, "xlow": 1.0, "c(": 0.25}


def test_weight_decay_scales_with_the_rate_of_the_group():
    optimizer = GroupedOptimizer(keras.optimizers.SGD(0.5, weight_decay=0.1), {"dense/kernel": 0.5})
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", name="dense")
    dense.build((None, 2))
    optimizer.build([dense.kernel])
    optimizer.apply([keras.ops.zeros((2, 1))], [dense.kernel])
    np.testing.assert_allclose(dense.kernel, np.full((2, 1), 1 - 0.1 * 0.5 * 0.5), rtol=1e-6)


def test_variables_are_excluded_from_weight_decay_in_every_group():
    optimizer = GroupedOptimizer(keras.optimizers.SGD(0.5, weight_decay=0.1), {"low/kernel": 0.5})
    optimizer.exclude_from_weight_decay(var_names=["kernel"])
    model = network()
    before = model.get_weights()
    optimizer.build(model.trainable_variables)
    optimizer.apply([keras.ops.zeros(v.shape) for v in model.trainable_variables], model.trainable_variables)
    np.testing.assert_array_equal(before[0], model.get_weights()[0])
    template = keras.optimizers.SGD(0.5, weight_decay=0.1)
    template.exclude_from_weight_decay(var_names=["kernel"])
    with pytest.raises(ValueError, match="call `exclude_from_weight_decay` on the grouped optimizer"):
        GroupedOptimizer(template, {})


def test_global_clipnorm_bounds_each_group_alone():
    optimizer = GroupedOptimizer(keras.optimizers.SGD(1.0, global_clipnorm=1.0), {"one/kernel": 0.5})
    kernels = []
    for name in ("one", "two"):
        dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros", name=name)
        dense.build((None, 1))
        kernels.append(dense.kernel)
    optimizer.build(kernels)
    optimizer.apply([keras.ops.full((1, 1), 3.0), keras.ops.full((1, 1), 4.0)], kernels)
    # Over both groups together the norm would be 5, and the steps 0.5 * 3 / 5 and 4 / 5.
    np.testing.assert_allclose([float(k.numpy()[0, 0]) for k in kernels], [-0.5, -1.0], rtol=1e-6)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
@pytest.mark.parametrize("transfer", [False, True])
def test_a_saved_model_goes_on_as_the_unsaved_one(tmp_path, policy, transfer):
    keras.config.set_dtype_policy(policy)
    try:
        model = TransferModel(network(), []) if transfer else network()
        compiled(GroupedOptimizer(keras.optimizers.Adam(Warmup(0.01, 3)), MULTIPLES), model, jit_compile=True)
        model.fit(X, Y, batch_size=8, verbose=0, shuffle=False)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        for one in (model, loaded):
            one.fit(X, Y, batch_size=8, verbose=0, shuffle=False)
        for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    finally:
        keras.config.set_dtype_policy("float32")
    optimizer = getattr(loaded.optimizer, "inner_optimizer", loaded.optimizer)
    assert isinstance(optimizer, GroupedOptimizer) and list(optimizer.rates) == [1.0, 0.25, 0.5]


def test_the_state_is_saved_once(tmp_path):
    sizes = {}
    for name, optimizer in {
        "plain": keras.optimizers.Adam(),
        "grouped": GroupedOptimizer(keras.optimizers.Adam(), {"wide/kernel": 0.5}),
    }.items():
        model = keras.Sequential([keras.Input((300,)), keras.layers.Dense(300, name="wide")])
        model.compile(optimizer, "mse")
        model.optimizer.build(model.trainable_variables)
        model.save(tmp_path / f"{name}.keras")
        sizes[name] = (tmp_path / f"{name}.keras").stat().st_size
    assert sizes["grouped"] < 1.1 * sizes["plain"]


def test_callbacks_of_keras_see_one_rate_and_keep_the_ratios(tmp_path):
    model = compiled(GroupedOptimizer(keras.optimizers.SGD(1.0), MULTIPLES))
    plateau = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=1e9)
    history = model.fit(X, Y, epochs=3, verbose=0, callbacks=[plateau])
    assert history.history["learning_rate"] == [1.0, 1.0, 0.5]
    assert model.optimizer.rates == {1: 0.25, 0.25: 0.0625, 0.5: 0.125}
    model.fit(X, Y, epochs=1, verbose=0, callbacks=[keras.callbacks.LearningRateScheduler(lambda epoch: 2.0)])
    assert model.optimizer.rates == {1.0: 2.0, 0.25: 0.5, 0.5: 1.0}


def test_a_callback_reduces_the_rate_under_the_loss_scale():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = compiled(GroupedOptimizer(keras.optimizers.SGD(1.0), MULTIPLES))
    finally:
        keras.config.set_dtype_policy("float32")
    plateau = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=1e9)
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[plateau])
    assert model.optimizer.inner_optimizer.rates == {1.0: 0.5, 0.25: 0.125, 0.5: 0.25}


def test_the_rate_of_a_schedule_cannot_be_set():
    optimizer = GroupedOptimizer(keras.optimizers.SGD(Warmup(1.0, 5)), MULTIPLES)
    with pytest.raises(TypeError, match="not settable"):
        optimizer.learning_rate = 0.1


def test_a_static_loss_scale_is_kept():
    optimizer = GroupedOptimizer(keras.optimizers.SGD(0.5, loss_scale_factor=8.0), MULTIPLES)
    assert float(optimizer.scale_loss(keras.ops.ones(()))) == 8.0
    plain = moved(keras.optimizers.SGD(0.5))
    for path, step in moved(optimizer).items():
        np.testing.assert_allclose(step, MULTIPLES.get(path, 1.0) * plain[path], atol=1e-6)


@pytest.mark.parametrize(
    "optimizer",
    [
        "adam",
        None,
        keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD()),
        GroupedOptimizer(keras.optimizers.SGD(), {}),
    ],
    ids=["name", "none", "loss scale", "groups"],
)
def test_only_a_plain_optimizer_is_copied(optimizer):
    with pytest.raises(ValueError, match="`optimizer` must be a plain Keras optimizer"):
        GroupedOptimizer(optimizer, {})


def test_a_multiple_must_be_positive():
    with pytest.raises(ValueError, match=r"freeze what shall not train. Received: {'a': 0, 'b': nan}"):
        GroupedOptimizer(keras.optimizers.SGD(), {"a": 0, "b": float("nan"), "c": 1})
