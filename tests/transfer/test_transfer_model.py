import keras
import numpy as np
import pytest

from tlkeras import methods
from tlkeras.testing import common
from tlkeras.transfer import DANNRamp, Method, TransferModel

RNG = np.random.default_rng(0)
XS, XT = RNG.normal(size=(16, 4)).astype("float32"), RNG.normal(3, 2, size=(16, 4)).astype("float32")
YS = RNG.integers(0, 3, 16)


class Constant(Method):
    """A term that is `value` wherever it runs, with the verbs a test asks for."""

    views = ("target",)
    default_taps = ("output",)

    def __init__(self, value=1.0, factors=None, **kwargs):
        super().__init__(**kwargs)
        self.value, self.factors = value, factors
        self.updates = self.add_weight(name="updates", shape=(), initializer="zeros", trainable=False)

    def bind(self, model):
        self.kernel_at_start = np.array(model.get_layer("logits").kernel)

    def call(self, batch, training=None):
        return self.value + 0.0 * keras.ops.sum(batch.get("target", "output"))

    def weigh(self, batch):
        return None if self.factors is None else keras.ops.convert_to_tensor(self.factors, "float32")

    def update(self, model):
        self.updates.assign_add(1.0)


def compiled(model, **arguments):
    common.compile_model(model, **arguments)
    return model


def build(method_list, forward="joint", batch_norm=False, **arguments):
    keras.utils.set_random_seed(0)
    return compiled(TransferModel(common.small_model(batch_norm), method_list, forward=forward), **arguments)


def test_the_loss_is_the_supervised_term_plus_the_weighted_terms():
    alone = build([], learning_rate=0.0).train_on_batch({"source": XS}, YS, return_dict=True)["loss"]
    model = build([Constant(2.0, weight=0.5), Constant(3.0, name="other")], learning_rate=0.0)
    logs = model.train_on_batch({"source": XS, "target": XT}, YS, return_dict=True)
    np.testing.assert_allclose(logs["loss"], alone + 0.5 * 2.0 + 3.0, rtol=1e-6)
    assert (logs["constant"], logs["other"]) == (2.0, 3.0)


def test_a_weight_may_be_a_schedule_of_the_models_own_step():
    model = build([Constant(1.0, weight=DANNRamp(steps=4, gamma=2.0))], learning_rate=0.0)
    losses = common.train(model, [({"source": XS, "target": XT}, YS)] * 3)
    ramp = [2 / (1 + np.exp(-2.0 * step / 4)) - 1 for step in range(3)]
    np.testing.assert_allclose(losses - losses[0], ramp, atol=1e-5)
    assert int(model.step.value) == 3


def test_without_methods_it_is_plain_keras_on_the_source_view():
    keras.utils.set_random_seed(0)
    plain = compiled(common.small_model(batch_norm=True))
    model = build([], batch_norm=True)
    for _ in range(3):
        plain.train_on_batch(XS, YS)
        model.train_on_batch({"source": XS, "target": XT}, YS)
    for ours, theirs in zip(model.model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_plain_data_is_the_source_view_in_fit_and_inference_elsewhere():
    model = build([])
    model.fit(XS, YS, epochs=1, verbose=0, validation_data=(XT, YS))
    assert model.predict(XT, verbose=0).shape == (16, 3)
    np.testing.assert_array_equal(model.predict(XT, verbose=0), model.model.predict(XT, verbose=0))
    with pytest.raises(ValueError, match="lacks the views \\['target'\\] that \\['mmd'\\] read"):
        build([methods.MMD()]).fit(XS, YS, verbose=0)


def test_evaluation_on_one_domain_reports_no_terms():
    logs = build([methods.MMD()]).evaluate(XT, YS, verbose=0, return_dict=True)
    assert set(logs) == {"loss"}


def test_without_labels_only_the_terms_train():
    model = build([Constant(2.0)], weighted_metrics=[])
    logs = model.train_on_batch({"target": XT}, None, return_dict=True)
    assert logs["loss"] == 2.0


@pytest.mark.parametrize("metrics", [None, ["accuracy"]])
def test_fit_without_any_labels(metrics):
    model = build([methods.MCC()], metrics=metrics)
    before = common.values(model.model.trainable_variables)
    model.fit({"target": XT}, batch_size=8, epochs=2, verbose=0)
    assert common.changed(before, common.values(model.model.trainable_variables))


def test_every_labelled_view_is_supervised():
    both = build([methods.MMD()], learning_rate=0.0, metrics=["accuracy"])
    views = {"source": XS, "target": XT}
    logs = both.train_on_batch(views, {"source": YS, "target": YS}, return_dict=True)
    parts = [both.evaluate(x, YS, verbose=0, return_dict=True) for x in (XS, XT)]
    np.testing.assert_allclose(logs["accuracy"], np.mean([part["accuracy"] for part in parts]), rtol=1e-6)
    np.testing.assert_allclose(logs["loss"] - logs["mmd"], np.mean([part["loss"] for part in parts]), rtol=1e-5)


def test_factors_of_weigh_and_sample_weights_multiply_on_the_source():
    factors, weights = RNG.uniform(size=16).astype("float32"), RNG.uniform(size=16).astype("float32")
    views = {"source": XS, "target": XT}
    weighed = build([Constant(0.0, factors=factors)], learning_rate=0.0)
    loss = weighed.train_on_batch(views, {"source": YS}, {"source": weights}, return_dict=True)["loss"]
    plain = build([], learning_rate=0.0)
    expected = plain.train_on_batch({"source": XS}, YS, sample_weight=factors * weights, return_dict=True)["loss"]
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_update_runs_in_training_only_and_bind_sees_the_model_once():
    method = Constant()
    model = build([method])
    np.testing.assert_array_equal(method.kernel_at_start, model.model.get_layer("logits").get_weights()[0])
    views = {"source": XS, "target": XT}
    model.test_on_batch(views, YS)
    assert float(method.updates.value) == 0
    model.train_on_batch(views, YS)
    model.train_on_batch(views, YS)
    assert float(method.updates.value) == 2


@pytest.mark.parametrize("forward", ["joint", "per_view"])
def test_batchnorm_statistics_of_each_forward(forward):
    """Joint: one update with the pooled statistics. Per view: one update for each view, source first."""
    model = build([methods.MMD()], forward=forward, batch_norm=True, learning_rate=0.0)
    features = keras.Model(model.model.input, model.model.get_layer("features").output)
    fs, ft = features.predict(XS, verbose=0), features.predict(XT, verbose=0)
    model.train_on_batch({"source": XS, "target": XT}, YS)
    norm = model.model.get_layer("norm")
    if forward == "joint":
        pooled = np.concatenate([fs, ft])
        mean, variance = 0.01 * pooled.mean(0), 0.99 + 0.01 * pooled.var(0)
    else:
        mean = 0.99 * 0.01 * fs.mean(0) + 0.01 * ft.mean(0)
        variance = 0.99 * (0.99 + 0.01 * fs.var(0)) + 0.01 * ft.var(0)
    np.testing.assert_allclose(np.array(norm.moving_mean), mean, atol=1e-6)
    np.testing.assert_allclose(np.array(norm.moving_variance), variance, atol=1e-5)


def test_views_of_different_size_and_type_run_jointly():
    model = build([methods.CORAL()])
    images = (XT[:6] * 10).astype("uint8")
    logs = model.train_on_batch({"source": XS, "target": images}, {"source": YS}, return_dict=True)
    assert np.isfinite(logs["loss"])
    model.train_on_batch({"source": XS[:5], "target": XT}, {"source": YS[:5]})


def test_a_model_of_several_named_inputs():
    keras.utils.set_random_seed(0)
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    features = keras.layers.Dense(8, name="features")(keras.layers.Concatenate()([left, right]))
    inner = keras.Model({"left": left, "right": right}, keras.layers.Dense(3, name="logits")(features))
    model = TransferModel(inner, [methods.MMD()])
    common.compile_model(model)
    xs, xt = {"left": XS, "right": XT}, {"left": XT, "right": XS}
    logs = model.train_on_batch({"source": xs, "target": xt}, {"source": YS}, return_dict=True)
    assert logs["mmd"] > 0
    np.testing.assert_array_equal(model.predict(xs, verbose=0), inner.predict(xs, verbose=0))


def test_labels_out_of_range_never_pass_in_silence():
    wrong = np.where(YS == 0, 7, YS)
    logs = build([], jit_compile=True).train_on_batch({"source": XS}, wrong, return_dict=True)
    assert np.isnan(logs["loss"])


def test_a_class_that_the_loss_ignores_is_no_mistake():
    model = TransferModel(common.small_model(), [])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    model.compile("sgd", loss, jit_compile=True)
    ignoring = np.where(YS == 0, -1, YS)
    assert np.isfinite(model.train_on_batch({"source": XS}, ignoring, return_dict=True)["loss"])
    assert np.isnan(model.train_on_batch({"source": XS}, ignoring - 1, return_dict=True)["loss"])


def test_a_mixed_float16_run_resumes_under_the_default_policy(tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = build([methods.MMD()])
    finally:
        keras.config.set_dtype_policy("float32")
    views = {"source": XS, "target": XT}
    common.train(model, [(views, YS)] * 3)
    model.save(tmp_path / "t.keras")
    restored = keras.models.load_model(tmp_path / "t.keras")
    assert type(restored.optimizer) is type(model.optimizer) and int(restored.optimizer.iterations) == 3
    np.testing.assert_array_equal(common.train(restored, [(views, YS)]), common.train(model, [(views, YS)]))


def test_penalties_of_layers_count_once():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    features = keras.layers.Dense(8, kernel_regularizer="l2", name="features")(inputs)
    inner = keras.Model(inputs, keras.layers.Dense(3, name="logits")(features))
    expected = 0.01 * (np.array(inner.get_layer("features").kernel) ** 2).sum()
    for forward in ("joint", "per_view"):
        model = TransferModel(inner, [Constant(0.0)], forward=forward)
        common.compile_model(model, learning_rate=0.0)
        logs = model.train_on_batch({"target": XT}, None, return_dict=True)
        np.testing.assert_allclose(logs["loss"], expected, rtol=1e-5)


def test_resumes_with_two_methods_a_schedule_and_dropout(tmp_path):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    x = keras.layers.Dropout(0.5)(keras.layers.Dense(8, name="features")(inputs))
    inner = keras.Model(inputs, keras.layers.Dense(3, name="logits")(x))
    chosen = [methods.DANN(hidden=(8,), strength=DANNRamp(steps=5)), methods.MCC(weight=DANNRamp(steps=9))]
    model = TransferModel(inner, chosen, forward="per_view", name="resumed")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, jit_compile=True)
    views = {"source": XS, "target": XT}
    common.train(model, [(views, YS)] * 2)
    model.save(tmp_path / "t.keras")
    restored = keras.models.load_model(tmp_path / "t.keras")
    assert restored.forward_mode == "per_view" and restored.name == "resumed" and int(restored.step.value) == 2
    np.testing.assert_array_equal(common.train(restored, [(views, YS)] * 3), common.train(model, [(views, YS)] * 3))


def test_bad_arguments_are_refused():
    model = common.small_model()
    with pytest.raises(ValueError, match="functional"):
        TransferModel(keras.layers.Dense(3), [])
    with pytest.raises(ValueError, match='"joint" or "per_view". Received: forward=\'both\''):
        TransferModel(model, [], forward="both")
    with pytest.raises(ValueError, match="different names.*Received: \\['mmd', 'mmd'\\]"):
        TransferModel(model, [methods.MMD(), methods.MMD()])
    with pytest.raises(ValueError, match="reads `tap='hidden'`.*Received: layers.*features"):
        TransferModel(model, [methods.MMD(tap="hidden")])
    nested = keras.Input((4,))
    inner = keras.Model(nested, keras.layers.Dense(8)(nested), name="features")
    with pytest.raises(ValueError, match="a model inside the model.*Received: tap='features'"):
        TransferModel(keras.Model(nested, keras.layers.Dense(3)(inner(nested))), [methods.MMD()])
    named = keras.Input((4,), name="source")
    with pytest.raises(ValueError, match="View names are reserved.*Received: \\['source'\\]"):
        TransferModel(keras.Model(named, keras.layers.Dense(2)(named)), [])


@pytest.mark.parametrize("method", [methods.DANN, methods.CORAL, methods.MMD])
def test_a_tap_that_is_no_vector_is_refused(method):
    inputs = keras.Input((4, 4, 3))
    maps = keras.layers.Conv2D(2, 1, name="maps")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, name="logits")(keras.layers.Flatten()(maps)))
    with pytest.raises(ValueError, match="rank 2"):
        TransferModel(model, [method(tap="maps")])


def test_a_method_must_return_a_scalar():
    class Vector(Method):
        def call(self, batch, training=None):
            return keras.ops.mean(batch.get("source", self.tap), axis=0)

    with pytest.raises(ValueError, match="`vector` must return a scalar. Received: shape=\\(8,\\)"):
        TransferModel(common.small_model(), [Vector()])
