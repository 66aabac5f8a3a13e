import keras
import numpy as np
import pytest

from tests.methods.hand import one_step, softmax
from tlkeras.methods import MeanTeacher
from tlkeras.methods.selftrain.mean_teacher import MOMENTUM
from tlkeras.testing import common, toy_accuracy, turned_clusters
from tlkeras.transfer import TransferModel

RNG = np.random.default_rng(0)
XS, XT = RNG.normal(size=(6, 4)), 4 * RNG.normal(size=(5, 4))
STRONG = XT + RNG.normal(size=(5, 4))


def linear(method, batch_norm=False):
    inputs = keras.Input((4,))
    x = keras.layers.BatchNormalization(name="norm")(inputs) if batch_norm else inputs
    model = keras.Model(inputs, keras.layers.Dense(3, use_bias=False, name="logits")(x))
    model.get_layer("logits").set_weights([np.random.default_rng(19).normal(size=(4, 3))])
    return TransferModel(model, [method])


@pytest.mark.parametrize("jit_compile", [False, True])
def test_three_steps_equal_the_hand_derivation(jit_compile):
    """The teacher lags behind; the gradient on `p` is `2 c (p - t) / 3n` and the balance's on the mean prediction."""
    threshold, balance, rate = 0.95, 0.3, 0.5
    method = MeanTeacher(threshold=threshold, balance=balance, weight=1.0)
    transfer = linear(method)
    common.compile_model(transfer, learning_rate=rate, jit_compile=jit_compile)
    layer = transfer.model.get_layer("logits")
    teacher = layer.get_weights()[0].astype("float64")
    views = {"source": XS.astype("float32"), "target": XT.astype("float32"), "target_strong": STRONG.astype("float32")}
    for _ in range(3):
        kernel = layer.get_weights()[0].astype("float64")
        t, p = softmax(XT @ teacher), softmax(STRONG @ kernel)
        c, mean = (t.max(axis=1) >= threshold).astype(float), p.mean(axis=0)
        assert 0 < c.sum() < 5
        divergence = (np.log(1 / 3 / mean) / 3 + np.log(2 / 3 / (1 - mean)) * 2 / 3).sum()
        term = (c * ((p - t) ** 2).mean(axis=1)).mean() + balance * c.mean() * divergence
        to_p = 2 * c[:, None] * (p - t) / 15 + balance * c.mean() * (2 / 3 / (1 - mean) - 1 / 3 / mean) / 5
        to_logits = p * (to_p - (p * to_p).sum(axis=1, keepdims=True))
        transfer.reset_metrics()
        logs = transfer.train_on_batch(views, {"source": np.zeros(6, int)}, {"source": np.zeros(6)}, return_dict=True)
        np.testing.assert_allclose(logs["meanteacher"], term, rtol=1e-4)
        np.testing.assert_allclose(logs["meanteacher_confident"], c.mean(), rtol=1e-6)
        np.testing.assert_allclose(layer.get_weights()[0], kernel - rate * STRONG.T @ to_logits, atol=1e-5)
        teacher = MOMENTUM * teacher + (1 - MOMENTUM) * kernel
        np.testing.assert_allclose(method.teacher.get_weights()[0], teacher, atol=1e-6)


def test_a_batch_on_which_the_teacher_is_nowhere_certain_gives_exactly_zero():
    term, before, after = one_step(MeanTeacher(threshold=1.0, balance=1.0), XS, XT, strong=STRONG)
    assert term == 0.0
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)


def test_one_row_and_rows_beyond_doubt_stay_finite():
    for scale in (1.0, 1e4):
        term, _, after = one_step(MeanTeacher(threshold=0.3, balance=1.0), XS, scale * XT[:1], strong=STRONG[:1])
        assert np.isfinite(term) and all(np.isfinite(value).all() for value in after)


def test_the_teacher_averages_the_moving_statistics_and_evaluation_leaves_it():
    transfer = linear(MeanTeacher(strong_view="target"), batch_norm=True)
    common.compile_model(transfer)
    norm, teacher = transfer.model.get_layer("norm"), transfer.methods[0].teacher
    views, labels = {"source": XS.astype("float32"), "target": XT.astype("float32")}, {"source": np.zeros(6, int)}
    transfer.train_on_batch(views, labels)
    moved = np.array(norm.moving_mean)
    expected = (1 - MOMENTUM) * moved
    np.testing.assert_allclose(np.array(teacher.get_layer("norm").moving_mean), expected, rtol=1e-5)
    transfer.test_on_batch(views, labels)
    np.testing.assert_allclose(np.array(teacher.get_layer("norm").moving_mean), expected, rtol=1e-5)
    assert teacher.predict(XT.astype("float32"), verbose=0).shape == (5, 3)


def test_a_collapse_of_the_teacher_shows_in_the_logs():
    transfer = TransferModel(common.small_model(), [MeanTeacher(strong_view="target")])
    common.compile_model(transfer)
    x, y = RNG.normal(size=(8, 4)).astype("float32"), RNG.integers(0, 3, 8)
    transfer.methods[0].teacher.get_layer("logits").set_weights([np.zeros((8, 3)), np.array([0.0, 9.0, 0.0])])
    logs = transfer.test_on_batch({"source": x, "target": x}, {"source": y}, return_dict=True)
    assert logs["meanteacher_largest_class"] == logs["meanteacher_confident"] == 1.0


def noise(rows):
    return rows + keras.random.normal(keras.ops.shape(rows), stddev=0.2)


@pytest.mark.exhaustive
def test_solves_a_toy_that_source_only_does_not():
    domains, augmenters = turned_clusters(angle=80.0), {"target": noise, "target_strong": noise}
    source_only = toy_accuracy(domains, [])
    assert source_only < 0.88
    adapted = toy_accuracy(domains, [MeanTeacher(weight=10.0)], augmenters=augmenters)
    assert adapted >= source_only + 0.1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"threshold": 1.5}, "`threshold` must be in \\[0, 1\\]. Received: threshold=1.5"),
        ({"balance": -1}, "`balance` must be >= 0. Received: balance=-1"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        MeanTeacher(**arguments)


@pytest.mark.parametrize(("shape", "classes", "rule"), [((6, 4), 3, "rank 2"), ((4,), 1, "at least 2 classes")])
def test_logits_of_another_shape_are_refused(shape, classes, rule):
    inputs = keras.Input(shape)
    model = keras.Model(inputs, keras.layers.Dense(classes, name="logits")(inputs))
    with pytest.raises(ValueError, match=f"`logits` must have {rule}.*Received"):
        TransferModel(model, [MeanTeacher()])
