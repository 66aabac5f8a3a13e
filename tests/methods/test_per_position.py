import keras
import numpy as np
import pytest

from tlkeras import methods, ops
from tlkeras.testing import common
from tlkeras.transfer import DANNRamp, TransferModel

RNG = np.random.default_rng(0)
XS, XT = (RNG.normal(shift, 1, (6, 8, 8, 2)).astype("float32") for shift in (0, 1))
YS = RNG.integers(0, 3, (6, 8, 8))
VIEWS = {"source": XS, "target": XT}


def maps_model():
    """Logits of every pixel, from a coarser map and its mean."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 2))
    coarse = keras.layers.Conv2D(4, 2, strides=2, name="coarse")(inputs)
    features = keras.layers.GlobalAveragePooling2D(name="features")(coarse)
    pooled = keras.layers.Reshape((1, 1, 4))(features)
    fine = keras.layers.UpSampling2D(2)(keras.layers.Add()([coarse, pooled]))
    return keras.Model(inputs, keras.layers.Conv2D(3, 1, name="logits")(fine))


def transfer(*chosen, **arguments):
    model = TransferModel(maps_model(), chosen)
    common.compile_model(model, **{"jit_compile": False, **arguments})
    return model


def logits_of(model, x):
    return model.model.predict(x, verbose=0).reshape(-1, 3)


def test_all_positions_are_the_rows_of_the_method():
    model = transfer(methods.PerPosition(methods.MCC(weight=0.5), positions=64), learning_rate=0.0)
    expected = float(ops.class_confusion(keras.ops.convert_to_tensor(logits_of(model, XT))))
    logs = model.train_on_batch(VIEWS, YS, return_dict=True)
    np.testing.assert_allclose(logs["mcc"], expected, rtol=1e-4)
    supervised = transfer(learning_rate=0.0).train_on_batch(XS, YS, return_dict=True)["loss"]
    np.testing.assert_allclose(logs["loss"], supervised + 0.5 * expected, rtol=1e-4)


def test_positions_are_drawn_in_training_and_even_in_evaluation():
    model = transfer(methods.PerPosition(methods.Entropy(), positions=16), learning_rate=0.0)
    draws = [model.train_on_batch(VIEWS, YS, return_dict=True)["entropy"] for _ in range(3)]
    assert len(set(draws)) == 3
    even = model.test_on_batch(VIEWS, YS, return_dict=True)["entropy"]
    rows = keras.ops.softmax(model.model.predict(XT, verbose=0).reshape(6, 64, 3)[:, ::4])
    np.testing.assert_allclose(even, keras.ops.mean(ops.entropy(rows)), rtol=1e-5)


def test_views_are_read_at_the_same_places():
    """Pseudo-labels of a view teach the same view: the term is the cross entropy with the own prediction."""
    method = methods.PerPosition(methods.FixMatch(threshold=0.0), positions=5)
    model = transfer(method, learning_rate=0.0)
    logs = model.train_on_batch({**VIEWS, "target_strong": XT}, YS, return_dict=True)
    twin = transfer(methods.PerPosition(methods.FixMatch(threshold=0.0, strong_view="target"), positions=64),
                    learning_rate=0.0)  # fmt: skip
    full = -np.log(np.array(keras.ops.softmax(logits_of(twin, XT))).max(-1))
    assert full.min() <= logs["fixmatch"] <= full.max()
    log_all = twin.train_on_batch(VIEWS, YS, return_dict=True)["fixmatch"]
    np.testing.assert_allclose(log_all, full.mean(), rtol=1e-4)


def test_finer_labels_are_read_in_the_middle_of_the_cells():
    class Labels(methods.Entropy):
        views = ("source",)

        def call(self, batch, training=None):
            labels = batch.get("source", "labels")
            return keras.ops.mean(keras.ops.cast(labels, "float32")) + 0 * keras.ops.sum(batch.get("source", self.tap))

    model = transfer(methods.PerPosition(Labels(tap="coarse", name="mean"), positions=99), learning_rate=0.0)
    logs = model.train_on_batch(VIEWS, YS, return_dict=True)
    np.testing.assert_allclose(logs["mean"], YS[:, 1::2, 1::2].mean(), rtol=1e-5)


def test_an_adversary_on_maps_trains_and_resumes(tmp_path):
    critic = methods.DANN(hidden=(8,), strength=DANNRamp(steps=5), tap="coarse", weight=DANNRamp(steps=9))
    model = transfer(methods.PerPosition(critic, positions=4, seed=3), methods.MMD(), learning_rate=0.05)
    before = common.values(model.trainable_variables)
    common.train(model, [(VIEWS, YS)] * 2)
    assert any("critic" in path for path in common.changed(before, common.values(model.trainable_variables)))
    model.save(tmp_path / "t.keras")
    restored = keras.models.load_model(tmp_path / "t.keras")
    assert restored.methods[0].positions == 4 and restored.methods[0].method.hidden == (8,)
    np.testing.assert_array_equal(common.train(restored, [(VIEWS, YS)] * 2), common.train(model, [(VIEWS, YS)] * 2))


def test_a_sample_weight_counts_for_all_pixels_of_its_row():
    """Keras itself spreads weights `(8,)` over the last axis of losses `(8, 8, 8)`, in silence."""
    views, labels = {"source": np.concatenate([XS, XT[:2]])}, np.concatenate([YS, YS[:2]])
    weights = np.arange(8.0)
    model = transfer(learning_rate=0.0)
    loss = model.train_on_batch(views, labels, {"source": weights}, return_dict=True)["loss"]
    logs = np.array(keras.ops.log_softmax(model.model.predict(views["source"], verbose=0)))
    each = -np.take_along_axis(logs, labels[..., None], -1).mean((1, 2, 3))
    np.testing.assert_allclose(loss, (weights * each).mean(), rtol=1e-4)


@pytest.mark.parametrize("jit_compile", [True])
def test_labels_out_of_range_in_one_pixel_are_no_number(jit_compile):
    wrong = YS.copy()
    wrong[0, 0, 0] = 7
    assert np.isnan(transfer(jit_compile=jit_compile).train_on_batch(VIEWS, wrong, return_dict=True)["loss"])


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (methods.DomainWeights(), "weighs source rows.*Received: method=DomainWeights"),
        (methods.MCD(), "several updates a step.*Received: method=MCD"),
        (methods.VAT(radius=1.0), "looks at more of the model"),
    ],
)
def test_methods_without_a_row_for_a_position_are_refused(method, message):
    with pytest.raises(ValueError, match=message):
        methods.PerPosition(method)


def test_vectors_and_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="`positions` must be an integer >= 1. Received: positions=0"):
        methods.PerPosition(methods.MCC(), positions=0)
    with pytest.raises(ValueError, match=r"(?s)taps of `mmd` that are maps.*\(None, 4\)"):
        transfer(methods.PerPosition(methods.MMD()))
    with pytest.raises(ValueError, match="maps of one fixed size"):
        transfer(methods.PerPosition(methods.JMMD(tap="coarse")))


@pytest.mark.parametrize("method", [methods.MCC, methods.Entropy, methods.BNM, methods.FixMatch, methods.CORAL])
def test_a_method_on_its_own_refuses_maps(method):
    tap = {} if method is not methods.CORAL else {"tap": "coarse"}
    with pytest.raises(ValueError, match="PerPosition"):
        transfer(method(**tap))
