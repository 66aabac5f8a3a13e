import keras
import numpy as np
import pytest

from tlkeras import methods
from tlkeras.optimizers import groups
from tlkeras.testing import Case, common
from tlkeras.transfer import Checkpoint, DANNRamp, Method, Phase, PhasedModel, TransferModel

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="PhasedModel needs TensorFlow")
RNG = np.random.default_rng(0)
XS, XT = RNG.normal(size=(16, 4)).astype("float32"), RNG.normal(3, 2, size=(16, 4)).astype("float32")
YS = RNG.integers(0, 3, 16)
VIEWS = {"source": XS, "target": XT}
SILENT = {"source": np.zeros(16)}


class Turns(Method):
    """The head learns from the labels, then the encoder follows the mean of its output on the target, twice."""

    views = ("target",)

    def phases(self):
        return (
            Phase(self.nothing, moves=("head",), supervised=True),
            Phase(self.call, moves=("encoder",), repeats=2),
        )

    def nothing(self, batch, training):
        return keras.ops.zeros(())

    def call(self, batch, training=None):
        return keras.ops.mean(batch.get("target", self.tap))


def linear():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    features = keras.layers.Dense(2, name="features")(inputs)
    return keras.Model(inputs, keras.layers.Dense(3, name="logits")(features))


def phased(method_list, optimizer=None, model=None, **arguments):
    transfer = PhasedModel(model or linear(), method_list)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    transfer.compile(optimizer or keras.optimizers.SGD(0.1), loss, **{"run_eagerly": True, **arguments})
    return transfer


def momentum():
    return keras.optimizers.SGD(0.1, momentum=0.5)


def grouped(model):
    return groups(model, keras.optimizers.SGD(0.1, momentum=0.5), backbone=0.5)


def test_each_phase_moves_its_own_variables_and_slots():
    """A constant gradient of the encoder's kernel, applied twice with momentum 0.5; the head's momentum stays 0."""
    model = phased([Turns()], momentum())
    before, slope = model.model.get_weights(), np.repeat(XT.mean(0)[:, None], 2, axis=1) / 2
    model.train_on_batch(VIEWS, YS, SILENT)
    after = model.model.get_weights()
    np.testing.assert_allclose(after[0], before[0] - 0.1 * slope - 0.1 * 1.5 * slope, atol=1e-6)
    for old, new in zip(before[2:], after[2:], strict=True):
        np.testing.assert_array_equal(new, old)
    slots = {variable.name: np.array(variable) for variable in model.optimizer.variables}
    np.testing.assert_allclose(slots["features_kernel_momentum"], -0.15 * slope, atol=1e-6)
    np.testing.assert_array_equal(slots["logits_kernel_momentum"], np.zeros((2, 3)))


@pytest.mark.parametrize("name", ["momentum", "adam", "groups", "mixed_float16", "groups in mixed_float16"])
def test_optimizers(name):
    """Each moves encoder and head in their phases, and counts steps."""
    if "mixed" in name:
        keras.config.set_dtype_policy("mixed_float16")
    try:
        inner = linear()
        chosen = {"adam": keras.optimizers.Adam(0.01), "momentum": momentum()}
        optimizer = grouped(inner) if "groups" in name else chosen.get(name, momentum())
        model = phased([methods.MCD(repeats=2)], optimizer, inner, run_eagerly=False, jit_compile=False)
        before = common.values(model.trainable_variables)
        losses = common.train(model, [(VIEWS, YS)] * 3)
    finally:
        keras.config.set_dtype_policy("float32")
    assert np.isfinite(losses).all()
    assert common.changed(before, common.values(model.trainable_variables)) == set(before)
    counts = [int(np.array(variable)) for variable in model.optimizer.variables if variable.name == "iteration"]
    assert counts and set(counts) == {3}


def test_rates_of_groups_hold_in_every_phase():
    """At half the rate the encoder goes half as far."""
    plain, halved = phased([Turns()]), phased([Turns()], groups(linear(), keras.optimizers.SGD(0.1), backbone=0.5))
    start = plain.model.get_weights()[0]
    for model in (plain, halved):
        model.train_on_batch(VIEWS, YS, SILENT)
    way, half = (model.model.get_weights()[0] - start for model in (plain, halved))
    np.testing.assert_allclose(half, way / 2, atol=1e-6)


def test_a_schedule_of_the_rate_counts_steps():
    rate = keras.optimizers.schedules.PiecewiseConstantDecay([0], [0.1, 0.0])
    model = phased([methods.MCD()], keras.optimizers.SGD(rate))
    start = model.model.get_weights()
    model.train_on_batch(VIEWS, YS)
    first = model.model.get_weights()
    model.train_on_batch(VIEWS, YS)
    assert all(not np.array_equal(a, b) for a, b in zip(start, first, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(first, model.model.get_weights(), strict=True))


def test_all_phases_of_a_step_read_the_same_step():
    """The weight is 0 at step 0 of its ramp: the encoder stands still in phases before and after the supervised one."""
    model = phased([Turns(weight=DANNRamp(steps=4))])
    start = model.model.get_weights()[0]
    model.train_on_batch(VIEWS, YS, SILENT)
    np.testing.assert_array_equal(model.model.get_weights()[0], start)
    model.train_on_batch(VIEWS, YS, SILENT)
    assert not np.array_equal(model.model.get_weights()[0], start)
    assert int(model.step.value) == 2


def test_other_methods_belong_to_the_supervised_phase():
    model = phased([methods.DANN(hidden=(4,), strength=1.0), methods.WDGRL(hidden=(4,)), methods.MCC()])
    before = common.values(model.trainable_variables)
    logs = model.train_on_batch(VIEWS, YS, return_dict=True)
    assert set(logs) == {"loss", "dann", "wdgrl", "mcc"}
    assert common.changed(before, common.values(model.trainable_variables)) >= set(before) - {"wdgrl/critic/logit/bias"}
    alone = phased([methods.WDGRL(hidden=(4,), weight=0.0)]).train_on_batch(VIEWS, YS, return_dict=True)
    parts = alone["loss"] + logs["dann"] + logs["wdgrl"] + logs["mcc"]
    np.testing.assert_allclose(logs["loss"], parts, rtol=1e-5)


def test_without_a_phased_method_it_is_a_transfer_model():
    results = []
    for kind in (TransferModel, PhasedModel):
        keras.utils.set_random_seed(0)
        model = kind(common.small_model(), [methods.MMD()])
        common.compile_model(model, run_eagerly=True)
        results.append(common.train(model, [(VIEWS, YS)] * 2))
    np.testing.assert_array_equal(*results)


def test_batchnorm_averages_move_with_every_forward_pass():
    """At rate 0 all six passes of MCD see the same pooled statistics."""
    model = PhasedModel(common.small_model(batch_norm=True), [methods.MCD()])
    common.compile_model(model, learning_rate=0.0, run_eagerly=True)
    features = keras.Model(model.model.input, model.model.get_layer("features").output)
    pooled = features.predict(np.concatenate([XS, XT]), verbose=0)
    model.train_on_batch(VIEWS, YS)
    norm = model.model.get_layer("norm")
    np.testing.assert_allclose(np.array(norm.moving_mean), (1 - 0.99**6) * pooled.mean(0), atol=1e-5)
    critic = PhasedModel(common.small_model(batch_norm=True), [methods.WDGRL()])
    common.compile_model(critic, learning_rate=0.0, run_eagerly=True)
    pooled = keras.Model(critic.model.input, critic.model.get_layer("features").output)(np.concatenate([XS, XT]))
    critic.train_on_batch(VIEWS, YS)
    mean = np.array(critic.model.get_layer("norm").moving_mean)
    np.testing.assert_allclose(mean, (1 - 0.99**2) * np.array(pooled).mean(0), atol=1e-5)


def with_dropout():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    x = keras.layers.Dropout(0.5)(keras.layers.Dense(8, name="features")(inputs))
    return keras.Model(inputs, keras.layers.Dense(3, name="logits")(x))


@pytest.mark.parametrize("method", [methods.MCD, methods.WDGRL])
def test_resumes_with_another_method_and_dropout(method, tmp_path):
    chosen = [method(weight=DANNRamp(steps=9)), methods.DANN(hidden=(8,))]
    model = phased(chosen, keras.optimizers.Adam(0.01), with_dropout())
    common.train(model, [(VIEWS, YS)] * 2)
    model.save(tmp_path / "t.keras")
    restored = keras.models.load_model(tmp_path / "t.keras")
    assert type(restored) is PhasedModel and int(restored.step.value) == 2
    np.testing.assert_array_equal(common.train(restored, [(VIEWS, YS)] * 2), common.train(model, [(VIEWS, YS)] * 2))


def test_a_checkpointed_run_goes_on_with_the_same_losses(tmp_path):
    def run(folder, epochs):
        model, checkpoint = phased([methods.MCD(), methods.MCC()], momentum(), with_dropout()), Checkpoint(folder)
        first = checkpoint.restore(model)
        arguments = {"shuffle": False, "verbose": 0, "callbacks": [checkpoint]}
        model.fit(VIEWS, YS, batch_size=8, initial_epoch=first, epochs=epochs, **arguments)
        return checkpoint.history

    whole = run(tmp_path / "whole", 3)
    run(tmp_path / "parts", 1)
    assert run(tmp_path / "parts", 3) == whole
    assert set(whole) == {"loss", "mcd", "mcc"}


def test_plain_data_is_inference_and_validation():
    model = phased([methods.MCD()], metrics=["accuracy"])
    history = model.fit(VIEWS, YS, batch_size=8, epochs=1, verbose=0, validation_data=(XT, YS)).history
    assert set(history) == {"loss", "accuracy", "mcd", "val_loss", "val_accuracy"}
    np.testing.assert_array_equal(model.predict(XT, verbose=0), model.model.predict(XT, verbose=0))
    with pytest.raises(ValueError, match="lacks the views \\['target'\\] that \\['mcd'\\] read"):
        model.fit(XS, YS, verbose=0)


def test_nothing_to_move_is_said():
    model = linear()
    model.get_layer("features").trainable = False
    with pytest.raises(ValueError, match="moves encoder, where nothing is trainable.*Received: tap='features'"):
        phased([methods.MCD()], model=model).train_on_batch(VIEWS, YS)


def test_two_phased_methods_or_no_supervised_phase_are_refused():
    with pytest.raises(ValueError, match="At most one method may have phases.*Received: \\['mcd', 'wdgrl'\\]"):
        PhasedModel(linear(), [methods.MCD(), methods.WDGRL()])

    class Unsupervised(Turns):
        def phases(self):
            return super().phases()[1:]

    with pytest.raises(ValueError, match="Exactly one phase of `unsupervised` must be supervised"):
        PhasedModel(linear(), [Unsupervised()])


def test_optimizers_that_cannot_do_it_are_refused():
    several = keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(keras.optimizers.SGD(0.1)))
    with pytest.raises(ValueError, match="use `tlkeras.optimizers.groups`. Received: optimizer=multi_optimizer"):
        phased([methods.MCD()], several).train_on_batch(VIEWS, YS)
    accumulating = keras.optimizers.SGD(0.1, gradient_accumulation_steps=2)
    with pytest.raises(ValueError, match="would mix the gradients of the phases"):
        phased([methods.MCD()], accumulating).train_on_batch(VIEWS, YS)


def test_one_class_in_a_batch_and_a_smaller_target():
    model = phased([methods.MCD()])
    for source, target in ((16, 3), (5, 16)):
        views = {"source": XS[:source], "target": XT[:target]}
        assert np.isfinite(model.train_on_batch(views, np.zeros(source, int), return_dict=True)["loss"])


def test_the_logs_show_the_last_phase_averaged_over_its_repeats():
    model = phased([Turns(weight=0.5)])
    encoder = model.model.get_layer("features")
    before = float(np.mean(encoder(XT)))
    slopes = np.append(XT.mean(0), 1.0)  # of the mean output, in the kernel and the bias
    fall = 0.1 * 0.5 * (slopes**2).sum() / 2
    logs = model.train_on_batch(VIEWS, YS, SILENT, return_dict=True)
    np.testing.assert_allclose(logs["turns"], before - fall / 2, rtol=1e-4)
    assert logs["loss"] == pytest.approx(0.0)


@pytest.mark.parametrize("forward", ["joint", "per_view"])
def test_passes_of_a_step(forward):
    common.check_forward_passes(Case(Turns), forward)
