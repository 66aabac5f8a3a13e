import keras
import numpy as np
import pytest

from tlkeras import methods
from tlkeras.testing import common
from tlkeras.transfer import TransferModel

RNG = np.random.default_rng(0)
XS = RNG.normal(size=(16, 4)).astype("float32")
YS = {"kind": RNG.integers(0, 3, 16), "size": (3 * RNG.normal(size=(16, 1))).astype("float32")}
LOSSES = {"kind": keras.losses.SparseCategoricalCrossentropy(from_logits=True), "size": keras.losses.MeanSquaredError()}


def weighed(optimizer=None, extra=(), width=3, **arguments):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    features = keras.layers.Dense(width, activation="tanh", name="features")(inputs)
    outputs = {name: keras.layers.Dense(units, name=name)(features) for name, units in (("kind", 3), ("size", 1))}
    model = TransferModel(keras.Model(inputs, outputs), [methods.UncertaintyWeighting(), *extra])
    model.compile(optimizer or keras.optimizers.SGD(0.1), LOSSES, **{"jit_compile": False, **arguments})
    return model


def losses_of(model):
    outputs = model.model.predict(XS, verbose=0)
    return {name: float(LOSSES[name](YS[name], outputs[name])) for name in LOSSES}


def test_two_steps_by_hand():
    """`s <- s - 0.1 (1/2 - exp(-s) loss)`, and the loss in the log is that before the step."""
    model = weighed(keras.optimizers.SGD(0.001))
    values = {"kind": 0.0, "size": 0.0}
    for _ in range(2):
        each = losses_of(model)
        logs = model.train_on_batch({"source": XS}, YS, return_dict=True)
        total = sum(np.exp(-values[name]) * each[name] + values[name] / 2 for name in values)
        np.testing.assert_allclose(logs["loss"], total, rtol=1e-4)
        values = {name: s - 0.001 * (0.5 - np.exp(-s) * each[name]) for name, s in values.items()}
        for name, value in values.items():
            np.testing.assert_allclose(model.methods[0].log_variances[name], value, rtol=1e-3, atol=1e-6)


def test_at_rest_the_factor_is_the_inverse_of_twice_the_loss():
    model = weighed(keras.optimizers.Adam(0.1))
    model.model.trainable = False
    model.compile(keras.optimizers.Adam(0.2), LOSSES, jit_compile=False)
    logs = [model.train_on_batch({"source": XS}, YS, return_dict=True) for _ in range(150)][0]
    each = losses_of(model)
    for name, loss in each.items():
        np.testing.assert_allclose(np.exp(-np.array(model.methods[0].log_variances[name])), 0.5 / loss, rtol=0.05)
        assert logs[f"uncertaintyweighting_{name}"] == 1.0


def test_evaluation_shows_the_losses_without_factors():
    model = weighed()
    model.methods[0].log_variances["size"].assign(3.0)
    each = losses_of(model)
    found = model.evaluate(XS, YS, verbose=0, return_dict=True)["loss"]
    np.testing.assert_allclose(found, sum(each.values()), rtol=1e-4)


def test_all_labelled_views_are_weighed():
    model = weighed(keras.optimizers.SGD(0.0), [methods.MMD(weight=0.0)])
    model.methods[0].log_variances["kind"].assign(1.0)
    each, views = losses_of(model), {"source": XS, "target": XS}
    logs = model.train_on_batch(views, {"source": YS, "target": YS}, return_dict=True)
    np.testing.assert_allclose(logs["loss"], np.exp(-1.0) * each["kind"] + each["size"] + 0.5, rtol=1e-4)


def test_it_resumes_and_ships_nothing(tmp_path):
    model = weighed(keras.optimizers.Adam(0.01), jit_compile=common.COMPILES)
    common.train(model, [({"source": XS}, YS)] * 2)
    model.save(tmp_path / "t.keras")
    restored = keras.models.load_model(tmp_path / "t.keras")
    more = [({"source": XS}, YS)] * 2
    np.testing.assert_array_equal(common.train(restored, more), common.train(model, more))
    assert len(restored.model.weights) == 6


def test_a_single_output_is_refused():
    with pytest.raises(ValueError, match="a dict of two outputs or more. Received: .* with outputs \\['logits'\\]"):
        TransferModel(common.small_model(), [methods.UncertaintyWeighting()])


def two_tasks(learned, seed):
    """Share of the variance of a clean task that is left, beside a task of larger numbers that are half noise."""
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(1000, 8)).astype("float32")
    clean = np.tanh(inputs[:, :1] + inputs[:, 1:2])
    noisy = 10 * (inputs[:, 2:3] + random.normal(size=(1000, 1)))
    keras.utils.set_random_seed(seed)
    entry = keras.Input((8,))
    features = keras.layers.Dense(4, activation="tanh", name="features")(entry)
    outputs = {name: keras.layers.Dense(1, name=name)(features) for name in ("clean", "noisy")}
    model = TransferModel(keras.Model(entry, outputs), [methods.UncertaintyWeighting()] if learned else [])
    model.compile(keras.optimizers.Adam(0.05), "mse", jit_compile=False)
    model.fit(inputs[:600], {"clean": clean[:600], "noisy": noisy[:600]}, batch_size=60, epochs=40, verbose=0)
    found = model.predict(inputs[600:], verbose=0)["clean"]
    return float(((found - clean[600:]) ** 2).mean() / clean[600:].var())


@pytest.mark.slow
def test_a_task_of_larger_numbers_does_not_drown_a_small_one():
    """Of two seeds, equal weights leave 0.60 and 0.93 of the clean task's variance, learned ones 0.001 and 0.003."""
    assert two_tasks(False, 0) > 0.3
    assert two_tasks(True, 0) < 0.05
