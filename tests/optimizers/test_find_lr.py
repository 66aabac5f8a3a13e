import random

import keras
import numpy as np
import pytest

from tlkeras import methods, optimizers
from tlkeras.optimizers import GroupedOptimizer, find_lr
from tlkeras.testing import shifted_clusters
from tlkeras.transfer import TransferModel

XS, YS, XT, _ = shifted_clusters(rows=64)
XS, XT = XS.astype("float32"), XT.astype("float32")
VIEWS = {"source": XS, "target": XT}
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
JIT = keras.backend.backend() == "jax"  # on TensorFlow one thread repeats to the bit, and is built much sooner


class Batches(keras.utils.PyDataset):
    """Batches whose order depends on how many epochs have passed."""

    def __init__(self):
        super().__init__()
        self.epoch = 0

    def __len__(self):
        return 4

    def __getitem__(self, index):
        rows = np.random.default_rng([self.epoch, index]).permutation(64)[:16]
        return XS[rows], YS[rows]

    def on_epoch_end(self):
        self.epoch += 1


def plain():
    inputs = keras.Input((2,))
    x = keras.layers.Dense(8, activation="relu", name="features")(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.GaussianNoise(0.1)(keras.layers.Dropout(0.3)(x))
    return keras.Model(inputs, keras.layers.Dense(3, name="logits")(x))


class UnseededNoise(keras.layers.Layer):
    """Draws from the global generator of Keras, as layers written in a hurry do."""

    def call(self, inputs, training=None):
        return inputs + keras.random.normal(keras.ops.shape(inputs), stddev=0.1) if training else inputs


def unseeded():
    inputs = keras.Input((2,))
    return keras.Model(inputs, keras.layers.Dense(3)(UnseededNoise()(inputs)))


def transfer():
    return TransferModel(plain(), [methods.DANN(hidden=(8,)), methods.CORAL()])


def optimizer(kind):
    schedule = keras.optimizers.schedules.CosineDecay(0.05, 50)
    return {
        "adam": lambda: keras.optimizers.Adam(0.01),
        "schedule": lambda: keras.optimizers.SGD(schedule, momentum=0.9),
        "groups": lambda: GroupedOptimizer(keras.optimizers.Adam(0.01), {"features/kernel": 0.1}),
        "ema": lambda: keras.optimizers.SGD(0.1, use_ema=True, gradient_accumulation_steps=2),
    }[kind]()


def trained(make, kind, finder, *, data=None, before=1, steps_per_execution=1):
    """Trains twice, with or without a range test between, and returns all that it leaves."""
    keras.utils.set_random_seed(0)
    model = make()
    kwargs = {"jit_compile": JIT, "steps_per_execution": steps_per_execution}
    model.compile(optimizer(kind), LOSS, metrics=["accuracy"], **kwargs)
    x, y = data or (XS, YS)
    for _ in range(before):
        model.fit(x, y, batch_size=16, verbose=0)
    if finder:
        assert len(find_lr(model, x, y, steps=30, batch_size=16).rates) > 10
    history = model.fit(x, y, batch_size=16, epochs=2, verbose=0).history
    state = [random.random(), np.random.rand(), keras.ops.convert_to_numpy(keras.random.uniform((2,)))]
    return [*model.get_weights(), *(v.numpy() for v in model.variables + model.optimizer.variables), *state], history


def assert_same(one, other):
    assert one[1] == other[1]
    for a, b in zip(one[0], other[0], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("kind", "before"),
    [
        ("adam", 0), ("schedule", 1), ("groups", 1), ("ema", 1),
        *(pytest.param(*case, marks=pytest.mark.exhaustive)
          for case in (("adam", 1), ("groups", 0), ("schedule", 0), ("ema", 0))),
    ],
)  # fmt: skip
def test_training_goes_on_as_if_it_had_not_been(kind, before):
    if kind == "ema" and keras.backend.backend() == "jax":
        pytest.skip("Keras 3.15 on JAX fails in any second `fit` with `use_ema=True`")
    assert_same(*(trained(plain, kind, finder, before=before) for finder in (False, True)))


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX refuses unseeded draws while it compiles")
@pytest.mark.parametrize("before", [0, 1])
def test_draws_without_a_seed_go_on_as_if_it_had_not_been(before):
    assert_same(*(trained(unseeded, "adam", finder, before=before) for finder in (False, True)))


def test_a_transfer_model_goes_on_as_if_it_had_not_been():
    assert_same(*(trained(transfer, "adam", finder, data=(VIEWS, YS)) for finder in (False, True)))


def test_a_data_set_that_counts_epochs_goes_on_as_if_it_had_not_been():
    results = []
    for finder in (False, True):
        keras.utils.set_random_seed(0)
        model = plain()
        model.compile("adam", LOSS, jit_compile=True)
        batches = Batches()
        if finder:
            find_lr(model, batches, steps=20)
        assert batches.epoch == 0
        model.fit(batches, verbose=0)  # Keras shuffles these batches by the random state of Python
        results.append((model.get_weights(), {}))
    assert_same(*results)


def test_several_steps_an_execution_are_tested_one_by_one_and_put_back():
    assert_same(*(trained(plain, "adam", finder, steps_per_execution=2) for finder in (False, True)))


def test_an_interrupt_puts_everything_back(monkeypatch):
    keras.utils.set_random_seed(0)
    model = plain()
    model.compile("adam", LOSS, jit_compile=JIT)
    weights, optimizer, state = model.get_weights(), model.optimizer, random.getstate()
    monkeypatch.setattr(model, "reset_metrics", _interrupt_after(5, model.reset_metrics))
    with pytest.raises(KeyboardInterrupt):
        find_lr(model, XS, YS, steps=30, batch_size=16)
    assert model.optimizer is optimizer and not optimizer.built and model.train_function is None
    assert random.getstate() == state and not hasattr(model, "history")
    for a, b in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def _interrupt_after(count, function):
    calls = []

    def run():
        calls.append(None)
        if len(calls) == count:
            raise KeyboardInterrupt
        function()

    return run


def test_the_losses_are_those_of_plain_training_at_the_same_rates():
    """One weight, mean absolute error, gradient 1: after n steps the weight is the sum of the rates."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(0.3), "mae", jit_compile=JIT)
    curve = find_lr(model, np.ones((4, 1)), np.full((4, 1), 5.0), rates=(1e-3, 1.0), steps=20, batch_size=2)
    np.testing.assert_allclose(curve.rates, np.geomspace(1e-3, 1.0, 20))
    expected = np.abs(5.0 - np.concatenate([[0.0], np.cumsum(curve.rates)[:-1]]))
    np.testing.assert_allclose(curve.losses, expected, rtol=1e-5)


def test_it_stops_when_the_loss_diverges_and_suggests_a_rate_that_trains():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=JIT)
    x = np.random.default_rng(0).normal(size=(256, 2)).astype("float32")
    y = x @ np.array([[2.0], [-1.0]], "float32")
    curve = find_lr(model, x, y, rates=(1e-5, 100.0), steps=80)
    assert len(curve.rates) < 80
    # The Hessian of this loss is about 2 I: above a rate of 1 it diverges, and 1/2 is the best.
    assert 0.005 < curve.suggestion < 0.2
    model.optimizer.learning_rate = curve.suggestion
    assert model.fit(x, y, epochs=8, verbose=0).history["loss"][-1] < 0.05


def test_half_precision_sweeps_under_the_loss_scale():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = plain()
        model.compile("adam", LOSS, jit_compile=JIT)
    finally:
        keras.config.set_dtype_policy("float32")
    wrapper = model.optimizer
    assert len(find_lr(model, XS, YS, steps=20).losses) > 10
    assert model.optimizer is wrapper and not wrapper.built


def test_bad_input_is_refused_before_anything_trains():
    model = plain()
    with pytest.raises(ValueError, match="`model` must be compiled"):
        find_lr(model, XS, YS)
    model.compile("adam", LOSS, jit_compile=JIT)
    for bad in ((1.0, 0.1), (0.0, 1.0), (1e-3,)):
        with pytest.raises(ValueError, match="`rates` must be"):
            find_lr(model, XS, YS, rates=bad)
    with pytest.raises(ValueError, match="`steps` must be an integer >= 10. Received: steps=5"):
        find_lr(model, XS, YS, steps=5)
    with pytest.raises(ValueError, match=r"sets these arguments of `fit` itself. Received: \['callbacks', 'epochs'\]"):
        find_lr(model, XS, YS, epochs=3, callbacks=[])
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel, bias * np.nan])
    with pytest.raises(ValueError, match="The first loss is not finite"):
        find_lr(model, XS, YS)
    model.compile(keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(keras.optimizers.SGD())), LOSS)
    with pytest.raises(ValueError, match="use `tlkeras.optimizers.groups`"):
        find_lr(model, XS, YS)
    unbuilt = keras.Sequential([keras.layers.Dense(3)])
    unbuilt.compile("adam", LOSS)
    with pytest.raises(ValueError, match="`model` must be built"):
        find_lr(unbuilt, XS, YS)
    assert optimizers.find_lr is find_lr
