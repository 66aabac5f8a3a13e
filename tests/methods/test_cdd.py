import keras
import numpy as np
import pytest

from tests.methods.hand import batch_of, one_step, slope, softmax, squared
from tlkeras.methods import CDD
from tlkeras.testing import shifted_clusters, toy_accuracy
from tlkeras.transfer import TransferModel

RNG = np.random.default_rng(0)
MULTIPLIERS = (0.5, 2.0)


def contrast(source, target, labels, guesses, width):
    """Class by class with loops; `guesses` holds -1 for a row that is dropped."""

    def kernel(a, b):
        return np.mean([np.exp(-squared(a, b) / (2 * m * width)).mean() for m in MULTIPLIERS])

    same, different = [], []
    for mine in set(labels):
        for other in set(guesses) - {-1}:
            s, t = source[labels == mine], target[guesses == other]
            distance = kernel(s, s) + kernel(t, t) - 2 * kernel(s, t)
            (same if mine == other else different).append(distance)
    return np.mean(same) - np.mean(different)


def test_one_step_equals_the_hand_derivation():
    """The value with loops in NumPy, and its gradient by central differences at fixed width and fixed guesses.

    Class 2 is absent from the source, class 0 from the target, of which two rows are too uncertain to count.
    """
    random = np.random.default_rng(0)
    xs, xt = random.normal(size=(6, 4)), 2 * random.normal(size=(5, 4))
    labels = np.array([0, 1, 0, 1, 1, 0])
    method, drawn = CDD(confidence=0.6, multipliers=MULTIPLIERS, weight=1.0), np.random.default_rng(2)
    kernels = drawn.normal(size=(4, 4)) / 2, drawn.normal(size=(4, 3)) / 2
    term, (encoder, head), after = one_step(method, xs, xt, labels, width=4, kernels=kernels)

    probabilities = softmax(xt @ encoder @ head)
    guesses = np.where(probabilities.max(axis=1) >= 0.6, probabilities.argmax(axis=1), -1)
    assert set(guesses) == {-1, 1, 2}
    both = np.concatenate([xs, xt]) @ encoder
    width = squared(both, both)[~np.eye(11, dtype=bool)].mean()
    gradient = slope(lambda w: contrast(xs @ w, xt @ w, labels, guesses, width), encoder)

    np.testing.assert_allclose(term, contrast(xs @ encoder, xt @ encoder, labels, guesses, width), rtol=1e-4)
    np.testing.assert_allclose(after[0], encoder - gradient, atol=1e-4)
    np.testing.assert_array_equal(after[1], head)


@pytest.mark.parametrize("scale", [0.0, 9.0])
def test_no_certain_row_and_a_single_row_are_finite(scale):
    """Nothing certain: the term and its gradient are 0. One certain row: it meets the classes of the source."""
    xs, xt = RNG.normal(size=(6, 4)), scale * RNG.normal(size=(1, 4))
    term, before, after = one_step(CDD(confidence=0.95), xs, xt, np.arange(6) % 3)
    assert np.isfinite(term)
    assert np.isfinite(after[0]).all()
    if scale == 0:
        assert term == 0
        np.testing.assert_array_equal(after[0], before[0])


@pytest.mark.exhaustive
def test_solves_a_toy_that_source_only_does_not():
    domains = shifted_clusters()
    source_only = toy_accuracy(domains, [])
    assert source_only < 0.9
    assert toy_accuracy(domains, [CDD(weight=3.0)]) >= source_only + 0.1


@pytest.mark.parametrize(("labels", "rule"), [(np.eye(3), "argmax of one-hot"), (np.ones(3, "float32"), "integers")])
def test_labels_that_are_no_classes_are_refused(labels, rule):
    rows = RNG.normal(size=(3, 3)).astype("float32")
    with pytest.raises(ValueError, match=f"`labels` must be .*{rule}.*Received"):
        CDD(tap="features").call(batch_of(rows, rows, labels))


@pytest.mark.parametrize("arguments", [{"confidence": 1.5}, {"multipliers": ()}])
def test_wrong_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match=f"`{next(iter(arguments))}` must .*Received"):
        CDD(**arguments)


@pytest.mark.parametrize(("features", "classes", "rule"), [((6, 4), 3, "rank 2"), ((4,), 1, "at least 2 classes")])
def test_layers_of_another_shape_are_refused(features, classes, rule):
    inputs = keras.Input(features)
    hidden = keras.layers.Dense(4, name="features")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(classes, name="logits")(hidden))
    with pytest.raises(ValueError, match=f"must have {rule}.*Received"):
        TransferModel(model, [CDD()])
