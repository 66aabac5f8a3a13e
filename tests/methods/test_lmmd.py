import numpy as np
import pytest

from tests.methods.hand import batch_of, one_step, slope, softmax, squared
from tlkeras.methods import LMMD
from tlkeras.testing import spurious_feature, toy_accuracy

RNG = np.random.default_rng(0)
XS, XT = RNG.normal(size=(6, 3)), RNG.normal(1, 1, size=(4, 3))
MULTIPLIERS = (0.5, 2.0)


def discrepancy(encoder, labels, predictions, width):
    """Class by class and row by row, over the classes that both batches hold."""
    features = np.concatenate([XS, XT]) @ encoder
    kernel = np.mean([np.exp(-squared(features, features) / (2 * m * width)) for m in MULTIPLIERS], axis=0)
    shared, total = set(labels) & set(predictions.argmax(axis=1)), 0.0
    for label in shared:
        w = (labels == label) / np.sum(labels == label)
        v = predictions[:, label] / predictions[:, label].sum()
        total += w @ kernel[:6, :6] @ w + v @ kernel[6:, 6:] @ v - 2 * w @ kernel[:6, 6:] @ v
    return total / len(shared)


@pytest.mark.parametrize("labels", [[0, 1, 2, 0, 1, 1], [0, 0, 2, 2, 0, 2]])
def test_one_step_equals_the_hand_derivation(labels):
    """The value in NumPy; its gradient by central differences, width and memberships fixed; a class may be absent."""
    labels = np.array(labels)
    received, (encoder, head), after = one_step(LMMD(multipliers=MULTIPLIERS), XS, XT, labels)
    features, predictions = np.concatenate([XS, XT]) @ encoder, softmax(XT @ encoder @ head)
    width = squared(features, features)[~np.eye(10, dtype=bool)].mean()
    gradient = slope(lambda e: discrepancy(e, labels, predictions, width), encoder)
    np.testing.assert_allclose(received, discrepancy(encoder, labels, predictions, width), rtol=1e-4)
    np.testing.assert_allclose(after[0], encoder - gradient, atol=1e-5)
    np.testing.assert_array_equal(after[1], head)
    assert np.abs(gradient).max() > 1e-2


def test_batches_that_share_no_class_give_0_and_move_nothing():
    _, before, _ = one_step(LMMD(), XS, XT)
    taken = set(softmax(XT @ before[0] @ before[1]).argmax(axis=1))
    absent = next(label for label in range(3) if label not in taken)
    received, before, after = one_step(LMMD(), XS, XT, np.full(6, absent))
    assert received == 0.0
    for value, start in zip(after, before, strict=True):
        np.testing.assert_array_equal(value, start)


@pytest.mark.exhaustive
def test_solves_a_toy_that_source_only_does_not():
    domains = spurious_feature()
    source_only = toy_accuracy(domains, [])
    assert source_only < 0.65
    assert toy_accuracy(domains, [LMMD()]) >= source_only + 0.25


@pytest.mark.parametrize(
    ("labels", "message"),
    [(np.eye(3)[[0, 1, 2, 0, 1, 1]], "argmax of one-hot rows"), (np.ones(6) / 2, "cannot read regression targets")],
)
def test_labels_that_are_no_classes_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        LMMD(tap="features")(batch_of(XS, XT, labels))


@pytest.mark.parametrize("multipliers", [(), (1.0, 0.0)])
def test_wrong_multipliers_are_refused(multipliers):
    with pytest.raises(ValueError, match="`multipliers` must hold numbers > 0"):
        LMMD(multipliers=multipliers)
