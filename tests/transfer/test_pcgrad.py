import keras
import numpy as np
import pytest

from tlkeras import methods
from tlkeras.testing import common
from tlkeras.transfer import PCGradModel, TransferModel
from tlkeras.transfer.pcgrad import project_conflicts

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="PCGradModel needs TensorFlow")
RNG = np.random.default_rng(0)
XS = RNG.normal(size=(16, 4)).astype("float32")
YS = {"one": RNG.normal(size=(16, 1)).astype("float32"), "two": RNG.normal(size=(16, 1)).astype("float32")}


def model_of(kind, chosen=(), optimizer=None, **arguments):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    features = keras.layers.Dense(2, name="features")(inputs)
    outputs = {name: keras.layers.Dense(1, name=name, kernel_initializer="ones")(features) for name in ("one", "two")}
    model = kind(keras.Model(inputs, outputs), chosen)
    model.compile(optimizer or keras.optimizers.SGD(0.1), "mse", **{"run_eagerly": True, **arguments})
    return model


def by_hand(gradients):
    """Algorithm 1 of the paper; the order does not matter for two tasks."""
    result = []
    for own, gradient in enumerate(gradients):
        left = gradient.copy()
        for other, theirs in enumerate(gradients):
            if other != own and left @ theirs < 0:
                left -= left @ theirs / (theirs @ theirs) * theirs
        result.append(left)
    return np.sum(result, axis=0)


def test_projection_by_hand():
    for _ in range(5):
        gradients = RNG.normal(size=(2, 6))
        np.testing.assert_allclose(project_conflicts(keras.ops.convert_to_tensor(gradients), 0), by_hand(gradients))
    opposed = np.array([[1.0, 0], [-2.0, 0]])
    np.testing.assert_allclose(project_conflicts(keras.ops.convert_to_tensor(opposed), 0), [0, 0], atol=1e-12)


def test_nothing_is_left_against_the_last_projected():
    gradients = keras.ops.convert_to_tensor([[1.0, 0, 0], [-1.0, 0.5, 0], [-0.2, -1, 0.3]])
    sums = {tuple(np.round(project_conflicts(gradients, seed), 5)) for seed in range(20)}
    assert len(sums) > 1  # with three tasks the order matters, and it is drawn


def slopes(labels, task):
    """Gradient of one task's mean squared error in the kernel and bias of `features`, both heads being ones."""
    model = model_of(TransferModel)
    kernel, bias = model.model.get_layer("features").get_weights()
    error = 2 * ((XS @ kernel + bias).sum(1, keepdims=True) - labels[task]) / len(XS)
    return np.concatenate([np.repeat(XS.T @ error, 2, axis=1).ravel(), np.repeat(error.sum(), 2)])


@pytest.mark.parametrize("opposed", [True, False])
def test_one_step_by_hand(opposed):
    """The shared layer moves by the projected sum, the heads by their own gradients."""
    labels = {**YS, "two": (6.0 if opposed else 0.0) + YS["one"] * (-3 if opposed else 1)}
    labels["one"] = labels["one"] - (6.0 if opposed else 0.0)
    gradients = [slopes(labels, task) for task in ("one", "two")]
    assert (gradients[0] @ gradients[1] < 0) == opposed
    model, plain = model_of(PCGradModel), model_of(TransferModel)
    before = np.concatenate([weight.ravel() for weight in model.model.get_layer("features").get_weights()])
    logs, plain_logs = (m.train_on_batch({"source": XS}, labels, return_dict=True) for m in (model, plain))
    after = np.concatenate([weight.ravel() for weight in model.model.get_layer("features").get_weights()])
    np.testing.assert_allclose(before - after, 0.1 * by_hand(gradients), rtol=1e-3, atol=1e-5)
    assert logs == pytest.approx(plain_logs)
    for name in ("one", "two"):
        for ours, theirs in zip(*(m.model.get_layer(name).get_weights() for m in (model, plain)), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-6)
    ours, theirs = (m.model.get_layer("features").get_weights()[0] for m in (model, plain))
    assert np.allclose(ours, theirs, atol=1e-6) != opposed


def test_terms_of_methods_are_added_as_they_are():
    """With labels that the model meets, no task has a gradient, and the term alone moves the weights."""
    views = {"source": XS, "target": XS + 1}
    results = []
    for kind in (PCGradModel, TransferModel):
        model = model_of(kind, [methods.MMD(), methods.UncertaintyWeighting()])
        model.train_on_batch(views, model.model.predict(XS, verbose=0))
        results.append(model.get_weights())
    for ours, theirs in zip(*results, strict=True):
        if ours.shape != (2,):  # the state of the random order
            np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_it_trains_compiled_and_resumes(policy, tmp_path):
    keras.config.set_dtype_policy(policy)
    try:
        model = model_of(PCGradModel, [methods.MMD()], keras.optimizers.Adam(0.01), run_eagerly=False,
                         jit_compile=False)  # fmt: skip
    finally:
        keras.config.set_dtype_policy("float32")
    views = {"source": XS, "target": XS + 1}
    losses = common.train(model, [(views, YS)] * 4)
    assert np.isfinite(losses).all() and losses[-1] < losses[0]
    model.save(tmp_path / "t.keras")
    restored = keras.models.load_model(tmp_path / "t.keras")
    assert type(restored) is PCGradModel and int(restored.step.value) == 4
    np.testing.assert_array_equal(common.train(restored, [(views, YS)] * 2), common.train(model, [(views, YS)] * 2))


def test_wrong_models_are_refused():
    with pytest.raises(ValueError, match="a dict of two outputs or more. Received: .* with outputs \\['logits'\\]"):
        PCGradModel(common.small_model(), [])
    with pytest.raises(ValueError, match="use `tlkeras.transfer.PhasedModel`. Received: methods \\['wdgrl'\\]"):
        model_of(PCGradModel, [methods.WDGRL()])
