import keras
import numpy as np
import pytest

from tests.methods.hand import softmax
from tlkeras.methods import MCD
from tlkeras.testing import Case, common, toy_accuracy, turned_clusters
from tlkeras.transfer import PhasedModel

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="PhasedModel needs TensorFlow")
RANDOM = np.random.default_rng(0)
XS, XT = RANDOM.normal(size=(6, 3)).astype("float32"), RANDOM.normal(1, 2, size=(9, 3)).astype("float32")
YS = RANDOM.integers(0, 3, 6)


def linear(method, rate):
    """Returns a `PhasedModel` of one linear layer for the encoder and one for each head, without biases."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    features = keras.layers.Dense(2, use_bias=False, name="features")(inputs)
    model = PhasedModel(keras.Model(inputs, keras.layers.Dense(3, use_bias=False, name="logits")(features)), [method])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(rate), loss, run_eagerly=True)
    return model


def kernels(model):
    first = [model.model.get_layer(name) for name in ("features", "logits")]
    second = model.methods[0].second_head
    return [np.array(layer.get_weights()[0], "float64") for layer in (*first, second)]


def test_one_step_equals_the_hand_derivation():
    """All six updates of a step in NumPy: 1 of everything, 1 of the heads, 4 of the encoder."""
    rate, weight = 0.5, 0.7
    model = linear(MCD(weight=weight), rate)
    encoder, *heads = kernels(model)
    heads, one_hot = np.stack(heads), np.eye(3)[YS]

    def predictions(x):
        return np.stack([softmax(x @ encoder @ head) for head in heads])

    def backward(x, slopes):
        """Gradients of the encoder and the heads, from those of both heads' logits."""
        features, transposed = x @ encoder, heads.transpose(0, 2, 1)
        return x.T @ (slopes @ transposed).sum(0), features.T @ slopes

    def entropies():
        p = predictions(XS)
        return -np.log(p[:, one_hot == 1]).mean(1), (p - one_hot) / len(XS)

    def discrepancy():
        p = predictions(XT)
        slopes = np.sign(p[0] - p[1]) * np.array([1, -1])[:, None, None] / p[0].size
        return np.abs(p[0] - p[1]).mean(), p * (slopes - (p * slopes).sum(2, keepdims=True))

    values, slopes = entropies()
    loss = values[0] + weight * values[1]
    gradients = backward(XS, slopes * np.array([1, weight])[:, None, None])
    encoder, heads = encoder - rate * gradients[0], heads - rate * gradients[1]

    apart, together = backward(XT, discrepancy()[1])[1], backward(XS, entropies()[1])[1]
    heads = heads - rate * weight * (together - apart)

    terms = []
    for _ in range(4):
        term, slopes = discrepancy()
        terms.append(term)
        encoder = encoder - rate * weight * backward(XT, slopes)[0]

    logs = model.train_on_batch({"source": XS, "target": XT}, {"source": YS}, return_dict=True)
    np.testing.assert_allclose(logs["loss"], loss, rtol=1e-5)
    np.testing.assert_allclose(logs["mcd"], np.mean(terms), rtol=1e-4)
    for ours, expected in zip(kernels(model), [encoder, *heads], strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-5)


@pytest.mark.exhaustive
def test_solves_a_toy_that_source_only_does_not():
    """Mean of two seeds; over six the source alone reaches 0.75 to 0.96, MCD at least 0.998."""
    domains = turned_clusters()
    source_only = np.mean([toy_accuracy(domains, [], seed=seed) for seed in (0, 1)])
    assert source_only < 0.87
    assert np.mean([toy_accuracy(domains, [MCD()], seed=seed) for seed in (0, 1)]) >= source_only + 0.1


def test_the_second_head_starts_elsewhere_and_is_a_copy_of_all_layers_above_the_tap():
    inputs = keras.Input((4,))
    x = keras.layers.Dense(8, name="features")(inputs)
    x = keras.layers.BatchNormalization(name="norm")(keras.layers.Dense(6, name="hidden")(x))
    model = PhasedModel(keras.Model(inputs, keras.layers.Dense(3, name="logits")(x)), [MCD()])
    second = model.methods[0].second_head
    assert [layer.name for layer in second.layers][1:] == ["hidden", "norm", "logits"]
    assert not {id(v) for v in second.variables} & {id(v) for v in model.model.variables}
    kernels = [head.get_layer("logits").get_weights()[0] for head in (second, model.model)]
    assert not np.allclose(*kernels)


def test_a_head_that_would_start_equal_is_refused():
    inputs = keras.Input((4,))
    features = keras.layers.Dense(8, name="features")(inputs)
    fixed = keras.initializers.GlorotUniform(seed=3)
    logits = keras.layers.Dense(3, name="logits", kernel_initializer=fixed)(features)
    error = "other weights.*Received: tap='features', 1 kernels, equal \\['logits/kernel'"
    with pytest.raises(ValueError, match=error):
        PhasedModel(keras.Model(inputs, logits), [MCD()])


def test_a_tap_that_leaves_no_head_is_refused():
    with pytest.raises(ValueError, match="`tap` must lie below `logits`. Received: tap='logits'"):
        PhasedModel(common.small_model(), [MCD(tap="logits")])


def test_a_single_class_is_refused():
    inputs = keras.Input((4,))
    features = keras.layers.Dense(8, name="features")(inputs)
    with pytest.raises(ValueError, match="`logits` must have at least 2 classes"):
        PhasedModel(keras.Model(inputs, keras.layers.Dense(1, name="logits")(features)), [MCD()])


@pytest.mark.parametrize(
    ("labels", "error"), [(np.eye(3)[YS], "argmax of one-hot rows"), (YS[:, None] / 2, "must be integers")]
)
def test_labels_that_are_no_class_indices_are_refused(labels, error):
    model = linear(MCD(), 0.1)
    model.compile("sgd", lambda labels, outputs: keras.ops.mean(outputs), run_eagerly=True)
    with pytest.raises(ValueError, match=error):
        model.train_on_batch({"source": XS, "target": XT}, {"source": labels})


def test_labels_are_needed():
    with pytest.raises(ValueError, match="View `source` has no labels"):
        linear(MCD(), 0.1).train_on_batch({"source": XS, "target": XT}, None)


@pytest.mark.parametrize("rows", [1, 2])
def test_one_row_and_absent_classes_stay_finite(rows):
    model = linear(MCD(), 0.1)
    logs = model.train_on_batch({"source": XS[:rows], "target": XT[:1]}, {"source": YS[:rows]}, return_dict=True)
    assert np.isfinite(logs["loss"]) and all(np.isfinite(kernel).all() for kernel in kernels(model))


@pytest.mark.parametrize("repeats", [0, 1.5, True])
def test_wrong_repeats_are_refused(repeats):
    with pytest.raises(ValueError, match="`repeats` must be an integer >= 1. Received: repeats="):
        MCD(repeats=repeats)


def test_evaluation_reports_the_discrepancy():
    model = Case(MCD).transfer(run_eagerly=True)
    views, labels = Case(MCD).batches()[0]
    method, logits = model.methods[0], model.model.predict(views["target"], verbose=0)
    encoder = keras.Model(model.model.input, model.model.get_layer("features").output)
    second = method.second_head.predict(encoder.predict(views["target"], verbose=0), verbose=0)
    expected = np.abs(softmax(logits) - softmax(second)).mean()
    logs = model.test_on_batch(views, labels, return_dict=True)
    np.testing.assert_allclose(logs["mcd"], expected, rtol=1e-5)
