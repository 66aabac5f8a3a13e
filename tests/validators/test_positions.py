import keras
import numpy as np
import pytest

from tlkeras import surgery, validators
from tlkeras.validators import positions
from tlkeras.validators.positions import rows_of_positions

LOGITS = np.array([[[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]], [[3.0, 1.0], [0.0, 0.0], [0.0, 0.0]]])
RNG = np.random.default_rng(0)
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


def maps_model(bias=0.0):
    """Logits of each of 6 x 4 pixels: the two channels of the image, the second with a bias; features are a map."""
    inputs = keras.Input((6, 4, 2))
    features = keras.layers.AveragePooling2D(2, name="features")(inputs)
    pooled = keras.layers.UpSampling2D(2)(features)
    x = keras.layers.Concatenate()([inputs, pooled])
    model = keras.Model(inputs, keras.layers.Conv2D(2, 1, name="logits")(x))
    model.get_layer("logits").set_weights([np.eye(4, 2)[None, None], np.array([0.0, bias])])
    return model


def test_the_vector_of_a_coarser_cell_holds_for_the_positions_in_it():
    maps, coarse = 1 + RNG.random((2, 6, 4, 3)), RNG.normal(size=(2, 3, 2, 1))
    logits, features, _ = rows_of_positions(maps, coarse)
    np.testing.assert_array_equal(logits, maps.reshape(-1, 3))
    np.testing.assert_array_equal(features, coarse.repeat(2, axis=1).repeat(2, axis=2).reshape(-1, 1))


def test_evidence_of_maps_is_of_the_same_pixels_everywhere():
    target, source = RNG.normal(size=(10, 6, 4, 2)), RNG.normal(size=(5, 6, 4, 2))
    labels = (source[..., 1] > source[..., 0]).astype(int)
    found = validators.Probe(maps_model(), target, (source, labels), mix=True).evidence()
    assert found.target_logits.shape == found.mixed_logits.shape == found.target_features.shape == (240, 2)
    assert validators.score("source_accuracy", found) == 1.0
    np.testing.assert_allclose(found.target_logits, target.reshape(-1, 2), atol=1e-6)
    assert not validators.collapse(found.target_logits, found.target_features)


def test_the_guard_and_a_selection_judge_pixels():
    target = 3 * RNG.normal(size=(40, 6, 4, 2))
    good, bad = (validators.Probe(maps_model(bias), target).evidence() for bias in (0.0, 50.0))
    assert not validators.guard(bad, good).trusted and "collapsed" in validators.guard(bad, good).reasons[0]
    model = maps_model()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    select = validators.SelectEpoch(target, others=("entropy",))
    labels = (target[..., 1] > target[..., 0]).astype(int)
    history = model.fit(target, labels, epochs=1, verbose=0, callbacks=[select]).history
    assert select.best_epoch == 0 and history["collapsed"] == [0]
    assert 0 < history["information_maximization"][0] <= np.log(2)


def test_several_outputs_are_judged_one_by_one():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, {name: keras.layers.Dense(3, name=name)(inputs) for name in ("digit", "shape")})
    with pytest.raises(ValueError, match=r"one output at a time.*Received: .* with outputs \['digit', 'shape'\]"):
        validators.Probe(model, np.zeros((8, 4)))
    one = keras.Model(model.input, model.output["digit"])
    assert validators.Probe(one, np.zeros((8, 4))).evidence().target_logits.shape == (8, 3)
