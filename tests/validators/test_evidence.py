import keras
import numpy as np
import pytest

from tlkeras.validators import Probe
from tlkeras.validators.evidence import mixed

DRAW = np.random.default_rng(0)
TARGET = DRAW.normal(size=(7, 4, 1)).astype("float32")
SOURCE = DRAW.normal(size=(5, 4, 1)).astype("float32"), [0, 1, 2, 1, 0]


def model(tap="features"):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4, 1))
    features = keras.layers.Conv1D(2, 3, name=tap)(inputs)
    return keras.Model(inputs, keras.layers.Dense(3, name="logits")(keras.layers.Flatten()(features)))


def test_it_gathers_what_the_model_says_of_both_domains():
    trained = model()
    found = Probe(trained, TARGET, SOURCE, mix=True, batch_size=3).evidence()
    tapped = keras.Model(trained.input, trained.get_layer("features").output)
    np.testing.assert_allclose(found.target_logits, trained(TARGET), rtol=1e-5)
    np.testing.assert_allclose(found.source_logits, trained(SOURCE[0]), rtol=1e-5)
    np.testing.assert_allclose(found.target_features, keras.ops.reshape(tapped(TARGET), (7, 4)), rtol=1e-5)
    np.testing.assert_allclose(found.source_features, keras.ops.reshape(tapped(SOURCE[0]), (5, 4)), rtol=1e-5)
    np.testing.assert_array_equal(found.source_labels, SOURCE[1])
    between = 0.55 * TARGET[[0, 6]] + 0.45 * TARGET[[1, 0]]
    np.testing.assert_allclose(found.mixed_logits[[0, 6]], trained(between), rtol=1e-4)


def test_it_sees_the_model_as_it_is_now():
    trained = model()
    probe = Probe(trained, TARGET)
    before = probe.evidence().target_logits
    trained.get_layer("logits").bias.assign([1.0, 2.0, 3.0])
    np.testing.assert_allclose(probe.evidence().target_logits - before, np.tile([1.0, 2.0, 3.0], (7, 1)), rtol=1e-4)


def test_what_is_not_asked_for_is_none():
    found = Probe(model(tap="conv"), TARGET).evidence()
    assert found.target_features is None and found.mixed_logits is None and found.source_logits is None
    assert Probe(model(tap="conv"), TARGET, tap="conv").evidence().target_features.shape == (7, 4)


def test_bytes_are_mixed_as_numbers():
    np.testing.assert_allclose(mixed(np.array([[200], [100]], "uint8")), [[155.0], [145.0]], rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tap": "feature"}, "`tap` must be a layer of the model. Received: tap='feature', layers"),
        ({"target": TARGET[:0]}, "`target` and `source` must hold at least one row"),
        ({"source": (SOURCE[0][:0], [])}, "`target` and `source` must hold at least one row"),
        ({"target": np.array([["a"]]), "mix": True}, "`mix=True` needs inputs that are numbers"),
    ],
)
def test_what_cannot_be_gathered_is_said(arguments, message):
    with pytest.raises(ValueError, match=message):
        Probe(model(), **{"target": TARGET, **arguments})
