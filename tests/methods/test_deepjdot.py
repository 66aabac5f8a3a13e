import keras
import numpy as np
import pytest
import scipy.special

from tests.methods.hand import batch_of, one_step, slope, softmax, squared
from tlkeras.methods import DeepJDOT
from tlkeras.testing import shifted_clusters, toy_accuracy
from tlkeras.transfer import TransferModel

RNG = np.random.default_rng(0)
XS, XT, LABELS = RNG.normal(size=(6, 3)), RNG.normal(1, 1, size=(4, 3)), np.array([0, 1, 2, 0, 1, 1])


def joint(encoder, head):
    predictions = softmax(XT @ encoder @ head)
    return squared(XS @ encoder, XT @ encoder) - 0.5 * np.log(predictions).T[LABELS]


def test_one_step_equals_the_hand_derivation():
    """The value in NumPy; its gradient in encoder and head by central differences with the plan held fixed."""
    received, (encoder, head), after = one_step(DeepJDOT(label_factor=0.5, epsilon=0.5, weight=0.1), XS, XT, LABELS)

    cost = joint(encoder, head)
    scores, columns = -cost / (0.5 * cost.std()), np.zeros(4)
    for _ in range(1000):
        rows = -np.log(6) - scipy.special.logsumexp(scores + columns, axis=1)
        columns = -np.log(4) - scipy.special.logsumexp(scores + rows[:, None], axis=0)
    plan = np.exp(rows[:, None] + scores + columns)
    to_encoder = slope(lambda e: (plan * joint(e, head)).sum(), encoder)
    to_head = slope(lambda h: (plan * joint(encoder, h)).sum(), head)

    np.testing.assert_allclose(received, (plan * cost).sum(), rtol=1e-4)
    np.testing.assert_allclose(after[0], encoder - 0.1 * to_encoder, atol=1e-5)
    np.testing.assert_allclose(after[1], head - 0.1 * to_head, atol=1e-5)
    assert min(np.abs(to_encoder).max(), np.abs(to_head).max()) > 1e-2


@pytest.mark.exhaustive
def test_solves_a_toy_that_source_only_does_not():
    domains = shifted_clusters()
    source_only = toy_accuracy(domains, [])
    assert source_only < 0.9
    assert toy_accuracy(domains, [DeepJDOT(weight=0.1, label_factor=10.0)]) >= source_only + 0.15


def test_one_row_a_view_is_joined_to_the_other():
    received, (encoder, head), _ = one_step(DeepJDOT(label_factor=1.0), XS[:1], XT[:1], LABELS[:1])
    expected = squared(XS[:1] @ encoder, XT[:1] @ encoder) - np.log(softmax(XT[:1] @ encoder @ head)[0, 0])
    np.testing.assert_allclose(received, expected.item(), rtol=1e-5)


@pytest.mark.parametrize(
    ("labels", "message"),
    [(np.eye(3)[LABELS], "argmax of one-hot rows. Received: rows of"), (LABELS / 2, "cannot read regression targets")],
)
def test_labels_that_are_no_classes_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        DeepJDOT(tap="features")(batch_of(XS, XT, labels))


def test_a_tap_of_wrong_rank_and_a_model_without_logits_are_refused():
    inputs = keras.Input((3, 2))
    maps = keras.layers.Dense(4, name="features")(inputs)
    pooled = keras.layers.GlobalAveragePooling1D()(maps)
    with pytest.raises(ValueError, match="must have rank 2.*Received: shape="):
        TransferModel(keras.Model(inputs, keras.layers.Dense(3, name="logits")(pooled)), [DeepJDOT()])
    with pytest.raises(ValueError, match="reads `tap='logits'`.*Received: layers.*scores"):
        TransferModel(keras.Model(inputs, keras.layers.Dense(3, name="scores")(pooled)), [DeepJDOT()])


@pytest.mark.parametrize("arguments", [{"epsilon": 0.0}, {"label_factor": -1.0}])
def test_wrong_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match="`label_factor` must be >= 0 and `epsilon` > 0. Received: label_factor="):
        DeepJDOT(**arguments)
