import keras
import numpy as np
import pytest

from tlkeras import surgery, validators
from tlkeras.validators import positions
from tlkeras.validators.positions import rows_of_positions

LOGITS = np.array([[[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]], [[3.0, 1.0], [0.0, 0.0], [0.0, 0.0]]])
IDS = np.array([[3, 1, 2, 0], [4, 4, 0, 0], [2, 1, 3, 3]] * 4)


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    ids = keras.Input((4,), dtype="int32", name="ids")
    encoder = keras.Model(ids, keras.layers.Embedding(6, 5, name="embedding")(ids))
    found = surgery.token_classifier(encoder, 3)
    found.get_layer("scores").bias.assign([0.1, 0.2, 0.3])
    return found


def test_padding_is_left_out_and_vectors_of_the_positions_go_along():
    features = np.arange(12.0).reshape(2, 3, 2)
    rows, kept, labels = rows_of_positions(LOGITS, features, np.array([[1, -1, -1], [0, -1, -1]]))
    np.testing.assert_array_equal(rows, [[1, 0], [3, 1]])
    np.testing.assert_array_equal(kept, [[0, 1], [6, 7]])
    np.testing.assert_array_equal(labels, [1, 0])
    assert len(rows_of_positions(LOGITS)[0]) == 3
    assert rows_of_positions(LOGITS, np.zeros((2, 7)))[1] is None


def test_rows_of_inputs_stay_as_they_are():
    logits, features = np.zeros((4, 2)), np.zeros((4, 2, 3))
    rows, flat, labels = rows_of_positions(logits, features, np.arange(4))
    assert rows is logits and flat.shape == (4, 6) and labels.tolist() == [0, 1, 2, 3]


def test_of_many_positions_the_same_are_drawn_each_time(monkeypatch):
    monkeypatch.setattr(positions, "MOST", 10)
    logits = 1 + np.arange(120.0).reshape(4, 10, 3)
    first, second = (rows_of_positions(logits + shift)[0] for shift in (0, 1000))
    assert len(first) == 10
    np.testing.assert_array_equal(first + 1000, second)


def test_labels_of_another_shape_and_padding_alone_are_refused():
    with pytest.raises(ValueError, match=r"those of the positions of the logits, \(2, 3\).*Received: shape=\(2,\)"):
        rows_of_positions(LOGITS, labels=np.zeros(2))
    with pytest.raises(ValueError, match="no padding. Received: none"):
        rows_of_positions(0 * LOGITS)


def test_validators_and_the_guard_read_tokens(model):
    labels = np.where(IDS > 0, IDS % 3, -1)
    evidence = validators.Probe(model, IDS, (IDS, labels), tap="tokens").evidence()
    assert evidence.target_logits.shape == (36, 3) and evidence.target_features.shape == (36, 6)
    predicted = model.predict(IDS, verbose=0).argmax(-1)
    expected = (predicted == labels)[labels >= 0].mean()
    assert validators.score("source_accuracy", evidence) == pytest.approx(expected)
    assert np.isfinite([validators.score(name, evidence) for name in ("entropy", "rankme", "snd")]).all()
    assert validators.Probe(model, IDS).evidence().target_features is None
    assert not validators.guard(evidence, evidence).trusted
    with pytest.raises(ValueError, match=r"between the numbers of two words.*Received: .*int32"):
        validators.Probe(model, IDS, mix=True)


def test_an_epoch_is_selected_by_tokens(model):
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1))
    select = validators.SelectEpoch(IDS)
    history = model.fit(IDS, np.where(IDS > 0, IDS % 3, -1), epochs=2, verbose=0, callbacks=[select]).history
    assert select.best_epoch in (0, 1) and len(history["information_maximization"]) == 2
