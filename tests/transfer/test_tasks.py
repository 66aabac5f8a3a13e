"""Models with several named outputs."""

import keras
import numpy as np
import pytest

from tlkeras import methods
from tlkeras.testing import common
from tlkeras.transfer import MaskedLoss, TransferModel
from tlkeras.transfer.views import multiplied

RNG = np.random.default_rng(0)
XS, XT = RNG.normal(size=(16, 4)).astype("float32"), RNG.normal(3, 2, size=(16, 4)).astype("float32")
YS = {"digit": RNG.integers(0, 3, 16), "size": RNG.normal(size=16).astype("float32")}
VIEWS = {"source": XS, "target": XT}
CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
LOSSES = {"digit": CROSS_ENTROPY, "size": keras.losses.MeanSquaredError()}


def tasks_model():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    features = keras.layers.Dense(8, activation="tanh", name="features")(inputs)
    outputs = {name: keras.layers.Dense(units, name=name)(features) for name, units in (("digit", 3), ("size", 1))}
    return keras.Model(inputs, outputs)


def transfer(*chosen, losses=None, forward="joint", kind=TransferModel, **arguments):
    model = kind(tasks_model(), chosen, forward=forward)
    rate = arguments.pop("rate", 0.0)
    model.compile(keras.optimizers.SGD(rate), losses or LOSSES, **{"jit_compile": False, **arguments})
    return model


def by_hand(model, labels, x=XS):
    """Losses of each row by NumPy."""
    outputs = model.model.predict(x, verbose=0)
    logs = outputs["digit"] - np.log(np.exp(outputs["digit"]).sum(1, keepdims=True))
    return {
        "digit": -np.take_along_axis(logs, labels["digit"][:, None], 1)[:, 0],
        "size": (outputs["size"][:, 0] - labels["size"]) ** 2,
    }


@pytest.mark.parametrize("forward", ["joint", "per_view"])
def test_the_losses_of_all_outputs_and_the_terms_add_up(forward):
    model = transfer(methods.MMD(), methods.MCC(tap="digit"), forward=forward, loss_weights={"digit": 2.0, "size": 0.5})
    logs = model.train_on_batch(VIEWS, YS, return_dict=True)
    each = by_hand(model, YS)
    expected = 2 * each["digit"].mean() + 0.5 * each["size"].mean() + logs["mmd"] + logs["mcc"]
    np.testing.assert_allclose(logs["loss"], expected, rtol=1e-4)
    np.testing.assert_allclose(logs["digit_loss"], each["digit"].mean(), rtol=1e-4)


def test_it_trains_validates_saves_and_resumes(tmp_path):
    model = transfer(methods.DANN(hidden=(8,)), rate=0.05, metrics={"digit": ["accuracy"], "size": ["mae"]})
    history = model.fit(VIEWS, {"source": YS}, batch_size=8, epochs=2, verbose=0, validation_data=(XT, YS)).history
    assert {"digit_accuracy", "size_mae", "val_digit_accuracy", "dann", "val_size_loss"} <= set(history)
    model.save(tmp_path / "t.keras")
    restored = keras.models.load_model(tmp_path / "t.keras")
    np.testing.assert_array_equal(common.train(restored, [(VIEWS, YS)] * 2), common.train(model, [(VIEWS, YS)] * 2))
    found, expected = restored.predict(XT, verbose=0), model.model.predict(XT, verbose=0)
    assert sorted(found) == ["digit", "size"]
    np.testing.assert_array_equal(found["digit"], expected["digit"])


def test_two_labelled_views_and_weights_of_rows_and_of_tasks():
    model = transfer(methods.MMD())
    other = {"digit": YS["digit"][::-1].copy(), "size": YS["size"] + 1}
    weights = RNG.uniform(size=16).astype("float32")
    given = {"source": {"digit": weights, "size": np.zeros(16)}, "target": weights}
    logs = model.train_on_batch(VIEWS, {"source": YS, "target": other}, given, return_dict=True)
    first, second = by_hand(model, YS), by_hand(model, other, XT)
    digit = np.concatenate([weights * first["digit"], weights * second["digit"]]).mean()
    size = np.concatenate([0 * weights, weights * second["size"]]).mean()
    np.testing.assert_allclose(logs["loss"] - logs["mmd"], digit + size, rtol=1e-4)


def test_factors_on_source_rows_count_for_every_task():
    class Half(methods.MMD):
        def weigh(self, batch):
            return keras.ops.full((16,), 0.5)

    plain, half = transfer(methods.MMD()), transfer(Half(name="mmd"))
    logs = [model.train_on_batch(VIEWS, YS, return_dict=True) for model in (plain, half)]
    np.testing.assert_allclose(logs[1]["loss"] - logs[1]["mmd"], (logs[0]["loss"] - logs[0]["mmd"]) / 2, rtol=1e-5)


def test_weights_and_factors_multiply():
    two = keras.ops.convert_to_tensor([2.0, 4.0])
    assert multiplied(None, two) is two
    np.testing.assert_array_equal(multiplied(np.array([3.0, 5.0]), two), [6.0, 20.0])
    found = multiplied({"a": np.ones(2), "b": None}, {"a": two, "b": two})
    np.testing.assert_array_equal(found["a"], two)
    assert found["b"] is two
    found = multiplied(np.array([3.0, 5.0]), {"a": keras.ops.convert_to_tensor(2.0)})
    np.testing.assert_array_equal(found["a"], [6.0, 10.0])


def test_missing_labels_leave_the_loss_of_the_others():
    partly = {"digit": YS["digit"].copy(), "size": YS["size"].copy()}
    partly["digit"][:12] = -1
    partly["size"][4:] = np.nan
    masked = {name: MaskedLoss(loss, missing=-1 if name == "digit" else None) for name, loss in LOSSES.items()}
    model = transfer(losses=masked, rate=0.1, jit_compile=True)
    each = by_hand(model, YS)
    logs = model.train_on_batch(VIEWS, partly, return_dict=True)
    np.testing.assert_allclose(logs["loss"], each["digit"][12:].mean() + each["size"][:4].mean(), rtol=1e-4)
    assert all(np.isfinite(value).all() for value in model.get_weights())
    nothing = {"digit": np.full(16, -1), "size": np.full(16, np.nan, "float32")}
    assert model.train_on_batch(VIEWS, nothing, return_dict=True)["loss"] == 0
    assert all(np.isfinite(value).all() for value in model.get_weights())


def test_labels_out_of_range_in_one_task_are_no_number():
    wrong = {**YS, "digit": np.where(YS["digit"] == 0, 7, YS["digit"])}
    assert np.isnan(transfer(jit_compile=True).train_on_batch(VIEWS, wrong, return_dict=True)["loss"])


class Labels(methods.MMD):
    def call(self, batch, training=None):
        return super().call(batch) + 0.0 * keras.ops.sum(keras.ops.cast(batch.get("source", "labels"), "float32"))


def test_what_cannot_be_told_apart_is_refused():
    model = transfer()
    with pytest.raises(ValueError, match=r"dict with all outputs of the model, \['digit', 'size'\].*\['digit'\]"):
        model.train_on_batch(VIEWS, {"digit": YS["digit"]})
    with pytest.raises(ValueError, match="dict with all outputs.*Received: .*(Tensor|Tracer)"):
        model.train_on_batch(VIEWS, YS["digit"])
    with pytest.raises(ValueError, match="which of several outputs.*Received: labels of \\['digit', 'size'\\]"):
        transfer(Labels()).train_on_batch(VIEWS, YS)
    inputs = keras.Input((4,))
    with pytest.raises(ValueError, match="must name them.*Received: a list of 2 outputs"):
        TransferModel(keras.Model(inputs, [keras.layers.Dense(1)(inputs), keras.layers.Dense(1)(inputs)]), [])
    with pytest.raises(ValueError, match="View names are reserved.*Received: \\['target'\\]"):
        TransferModel(keras.Model(inputs, {"target": keras.layers.Dense(1)(inputs)}), [])
