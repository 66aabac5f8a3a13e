import keras
import numpy as np
import pytest

from tlkeras.transfer import MaskedLoss

RNG = np.random.default_rng(0)


def test_integers():
    logits, labels = RNG.normal(size=(5, 3)).astype("float32"), np.array([0, -1, 2, 1, -1])
    plain = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    known = labels >= 0
    found = MaskedLoss(plain, missing=-1)(labels, logits)
    np.testing.assert_allclose(found, plain(labels[known], logits[known]), rtol=1e-6)
    with_weights = MaskedLoss(plain, missing=-1)(labels, logits, sample_weight=np.array([2.0, 9, 0, 1, 9]))
    each = -np.log(np.array(keras.ops.softmax(logits)))[np.arange(5), labels]
    np.testing.assert_allclose(with_weights, (2 * each[0] + each[3]) / 3, rtol=1e-5)


def test_maps_and_vectors():
    logits, labels = RNG.normal(size=(2, 3, 4)).astype("float32"), np.array([[0, -1, 3], [-1, -1, 1]])
    plain = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    known = labels >= 0
    found = MaskedLoss(plain, missing=-1)(labels, logits)
    np.testing.assert_allclose(found, plain(labels[known], logits[known]), rtol=1e-6)
    values, truth = RNG.normal(size=(3, 2)), np.array([[1.0, 2], [np.nan, 2], [3, 4]])
    found = MaskedLoss("MeanSquaredError")(truth, values)
    np.testing.assert_allclose(found, ((values - truth)[[0, 2]] ** 2).mean(), rtol=1e-6)


def test_nothing_labelled_is_zero():
    assert float(MaskedLoss("MeanSquaredError")(np.full((3, 1), np.nan), np.ones((3, 1)))) == 0


def test_it_is_saved_with_the_model():
    loss = MaskedLoss(keras.losses.SparseCategoricalCrossentropy(from_logits=True), missing=9)
    restored = keras.losses.deserialize(keras.losses.serialize(loss))
    assert restored.loss.get_config()["from_logits"] and restored.ignore_class == 9


def test_what_is_no_loss_is_refused():
    with pytest.raises(ValueError, match="`loss` must be a loss of Keras"):
        MaskedLoss(keras.losses.mean_squared_error)
