import keras
import numpy as np
import pytest

from tests.methods.hand import one_step, slope, softmax
from tlkeras.data import pair
from tlkeras.methods import OSBP
from tlkeras.testing import Case, common, toy_model, unknown_class
from tlkeras.transfer import TransferModel

RNG = np.random.default_rng(0)
XS, XT = RNG.normal(size=(5, 3)), RNG.normal(1, 1, size=(7, 3))
KNOWN = np.array([0, 1, 1, 0, 0])  # class 2 of 3 is unknown


def term(encoder, head, threshold):
    unknown = softmax(XT @ encoder @ head)[:, -1]
    return np.mean(-threshold * np.log(unknown) - (1 - threshold) * np.log(1 - unknown))


@pytest.mark.parametrize("threshold", [0.5, 0.3])
def test_one_step_equals_the_hand_derivation(threshold):
    """Value in NumPy and gradients by central differences: the head descends, the encoder climbs at `strength`."""
    received, (encoder, head), after = one_step(OSBP(threshold=threshold, strength=0.4), XS, XT, KNOWN, rate=0.5)
    np.testing.assert_allclose(received, term(encoder, head, threshold), rtol=1e-5)
    climbs, descends = (
        slope(lambda e: term(e, head, threshold), encoder),
        slope(lambda h: term(encoder, h, threshold), head),
    )
    np.testing.assert_allclose(after[0], encoder + 0.5 * 0.4 * climbs, atol=1e-5)
    np.testing.assert_allclose(after[1], head - 0.5 * descends, atol=1e-5)
    assert min(np.abs(climbs).max(), np.abs(descends).max()) > 1e-2


def harmonic(probabilities, labels):
    """Harmonic mean of the accuracy on the known classes and the recall of the unknown one."""
    right = probabilities.argmax(axis=1) == labels
    known, unknown = right[labels < 3].mean(), right[labels == 3].mean()
    return 2 * known * unknown / max(known + unknown, 1e-9)


def test_finds_the_unknown_class_of_a_toy_where_a_threshold_on_source_only_fails():
    domains = unknown_class()
    target, labels = domains[2:]
    adapted = softmax(toy_model(domains, [OSBP(strength=1.0)]).predict(target, verbose=0))
    plain = softmax(toy_model(domains, []).predict(target, verbose=0))
    best = 0.0  # of all thresholds on the largest probability, which only labels could choose
    for threshold in np.linspace(0.3, 1.0, 71):
        plain[:, 3] = 2.0 * (plain[:, :3].max(axis=1) < threshold)
        best = max(best, harmonic(plain, labels))
    assert best < 0.75
    assert harmonic(adapted, labels) >= best + 0.15


def test_a_row_labelled_as_unknown_is_not_hidden():
    received, *_ = one_step(OSBP(), XS, XT, np.array([0, 1, 2, 0, 0]))
    assert np.isnan(received)
    with pytest.raises(ValueError, match="Labels must be in 0..1 .*Received: 1 labels outside, such as .2."):
        pair((XS, np.array([0, 1, 2, 0, 0])), XT, batch_size=2, num_classes=2)


@pytest.mark.parametrize("rows", [(1, 1), (6, 2)])
def test_small_and_unequal_batches_are_finite(rows):
    transfer = Case(OSBP).transfer()
    views = {
        view: RNG.normal(size=(n, 4)).astype("float32") for view, n in zip(("source", "target"), rows, strict=True)
    }
    assert np.isfinite(common.train(transfer, [(views, {"source": np.zeros(rows[0], int)})] * 2)).all()


@pytest.mark.parametrize(
    ("labels", "loss", "message"),
    [
        (np.eye(3)[KNOWN], "categorical_crossentropy", "argmax of one-hot rows"),
        (KNOWN[:, None] / 2, lambda labels, outputs: keras.ops.mean(outputs), "cannot read regression targets"),
        (KNOWN, "mse", "reads predictions of one of several classes, and a loss of numbers has none"),
    ],
)
def test_labels_that_are_no_classes_are_refused(labels, loss, message):
    transfer = Case(OSBP).transfer(compiled=False)
    rows = np.ones((5, 4), "float32")
    with pytest.raises(ValueError, match=message):
        transfer.compile("sgd", loss)
        transfer.train_on_batch({"source": rows, "target": rows}, {"source": labels})


def test_a_classifier_that_is_not_linear_in_the_tapped_layer_is_refused():
    inputs = keras.Input((4,))
    features = keras.layers.Dense(3, name="features")(inputs)
    hidden = keras.layers.Dense(5)(features)
    for tensor, units, activation in ((hidden, 3, None), (features, 1, None), (features, 3, "softmax")):
        model = keras.Model(inputs, keras.layers.Dense(units, activation, name="logits")(tensor))
        with pytest.raises(ValueError, match="`logits` must be a Dense layer of at least 2 units.*Received: tap="):
            TransferModel(model, [OSBP()])
    inputs = keras.Input((5, 4))
    features = keras.layers.Dense(3, name="features")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, name="logits")(keras.layers.GlobalAveragePooling1D()(features)))
    with pytest.raises(ValueError, match=r"on the tapped one, \(batch, features\)"):
        TransferModel(model, [OSBP()])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"threshold": 0.0}, r"`threshold` must be in \(0, 1\). Received: threshold=0.0"),
        ({"threshold": 1.0}, r"`threshold` must be in \(0, 1\)"),
        ({"strength": -1.0}, "`strength` must be a number >= 0 or a schedule"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        OSBP(**arguments)
