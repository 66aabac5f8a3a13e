import keras
import numpy as np
import pytest

from tests.methods.hand import softmax
from tlkeras.methods import WDGRL
from tlkeras.testing import Case, spurious_feature, toy_accuracy
from tlkeras.transfer import PhasedModel

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="PhasedModel needs TensorFlow")
RANDOM = np.random.default_rng(0)
XS, XT = RANDOM.normal(size=(6, 3)).astype("float32"), RANDOM.normal(1, 2, size=(4, 3)).astype("float32")
YS = RANDOM.integers(0, 3, 6)


def linear(method, rate):
    """Returns a `PhasedModel` of a linear encoder and a linear head, without biases."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    features = keras.layers.Dense(2, use_bias=False, name="features")(inputs)
    model = PhasedModel(keras.Model(inputs, keras.layers.Dense(3, use_bias=False, name="logits")(features)), [method])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(rate), loss, run_eagerly=True)
    return model


def weights_of(model):
    layers = [model.model.get_layer("features"), model.model.get_layer("logits"), model.methods[0].critic.blocks[-1]]
    return [np.array(layer.get_weights()[0], "float64") for layer in layers]


def test_one_step_equals_the_hand_derivation():
    """A linear critic, whose slope is the same at every point: three updates of it in NumPy, then one of the model."""
    rate, weight, penalty = 0.05, 0.7, 3.0
    model = linear(WDGRL(hidden=(), critic_steps=3, penalty=penalty, weight=weight), rate)
    encoder, head, critic = weights_of(model)

    between = (XS.mean(0) - XT.mean(0)) @ encoder
    for _ in range(3):
        norm = np.linalg.norm(critic)
        critic = critic - rate * (penalty * 2 * (norm - 1) * critic / norm - between[:, None])
    gap = (between @ critic).item()
    predicted, one_hot = softmax(XS @ encoder @ head), np.eye(3)[YS]
    error = (predicted - one_hot) / len(XS)
    loss = -np.log(predicted[one_hot == 1]).mean() + weight * gap
    pull = np.outer(XS.mean(0) - XT.mean(0), critic[:, 0])
    new_encoder = encoder - rate * (XS.T @ error @ head.T + weight * pull)
    new_head = head - rate * (XS @ encoder).T @ error

    logs = model.train_on_batch({"source": XS, "target": XT}, {"source": YS}, return_dict=True)
    np.testing.assert_allclose(logs["wdgrl"], gap, rtol=1e-4)
    np.testing.assert_allclose(logs["loss"], loss, rtol=1e-5)
    for ours, expected in zip(weights_of(model), [new_encoder, new_head, critic], strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_the_critic_of_a_shifted_line_finds_the_shift():
    """Two clouds 3 apart: slope s everywhere minimises `10 (s - 1)^2 - 3 s` at s = 1.15, where the gap is 3.45."""
    model = linear(WDGRL(hidden=(16,), critic_steps=20, weight=0.0), rate=0.02)
    model.model.get_layer("features").set_weights([np.eye(3)[:, :2]])
    xs = RANDOM.normal(0, 0.1, size=(64, 3)).astype("float32")
    views = {"source": xs, "target": xs - np.array([3, 0, 0], "float32")}
    labels, silent = {"source": np.zeros(64, int)}, {"source": np.zeros(64)}
    for _ in range(15):
        gap = model.train_on_batch(views, labels, silent, return_dict=True)["wdgrl"]
    assert gap == pytest.approx(3.45, rel=0.03)


@pytest.mark.exhaustive
def test_solves_a_toy_that_source_only_does_not():
    domains = spurious_feature()
    source_only = toy_accuracy(domains, [])
    assert source_only < 0.65
    assert toy_accuracy(domains, [WDGRL(hidden=(16,))]) >= source_only + 0.3


def test_one_row_of_each_domain_stays_finite():
    model = linear(WDGRL(hidden=(4,)), 0.1)
    logs = model.train_on_batch({"source": XS[:1], "target": XT[:1]}, {"source": YS[:1]}, return_dict=True)
    assert np.isfinite(logs["loss"]) and all(np.isfinite(value).all() for value in model.get_weights())


@pytest.mark.parametrize("jit_compile", [False, True])
def test_the_smaller_view_sets_the_number_of_points_between(jit_compile):
    model = Case(WDGRL, {"hidden": (4,)}).transfer(jit_compile=jit_compile)
    views, labels = Case(WDGRL).batches()[0]
    for source, target in ((16, 5), (5, 16)):
        part = {"source": views["source"][:source], "target": views["target"][:target]}
        logs = model.train_on_batch(part, {"source": labels["source"][:source]}, return_dict=True)
        assert np.isfinite(logs["loss"])


def test_labels_of_any_kind_will_do():
    model = linear(WDGRL(hidden=(4,)), 0.1)
    model.compile("sgd", "mse", run_eagerly=True)
    logs = model.train_on_batch({"source": XS, "target": XT}, {"source": np.ones((6, 3))}, return_dict=True)
    assert np.isfinite(logs["loss"])


def test_a_tap_that_is_no_vector_is_refused():
    inputs = keras.Input((4, 4, 3))
    maps = keras.layers.Conv2D(2, 1, name="maps")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, name="logits")(keras.layers.Flatten()(maps)))
    with pytest.raises(ValueError, match="rank 2"):
        PhasedModel(model, [WDGRL(tap="maps")])


@pytest.mark.parametrize("steps", [0, 1.5, True])
def test_wrong_critic_steps_are_refused(steps):
    with pytest.raises(ValueError, match="`critic_steps` must be an integer >= 1. Received: critic_steps="):
        WDGRL(critic_steps=steps)


def test_a_negative_penalty_is_refused():
    with pytest.raises(ValueError, match="`penalty` must be >= 0. Received: penalty=-1"):
        WDGRL(penalty=-1)
