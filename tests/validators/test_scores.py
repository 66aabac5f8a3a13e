import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

from tlkeras.surgery import classifier, multi_label, regressor
from tlkeras.validators import VALIDATORS, Evidence, Probe, needs, score

NEEDS = {
    "source_accuracy": ("source_logits", "source_labels"),
    "entropy": ("target_logits",),
    "information_maximization": ("target_logits",),
    "nuclear_norm": ("target_logits",),
    "snd": ("target_logits",),
    "mixval": ("target_logits", "mixed_logits"),
    "rankme": ("target_features",),
    "class_ami": ("target_features", "target_logits"),
    "importance_weighted": ("source_logits", "source_labels", "source_features", "target_features"),
    "dev": ("source_logits", "source_labels", "source_features", "target_features"),
    "reverse_validation": ("target_features", "target_logits", "source_features", "source_labels"),
}
SOURCE_NEEDED = "pass labelled held-out source rows as `source=` to the Probe"


@pytest.fixture(scope="module")
def evidences():
    """Evidence of a network before and after it has learnt digits; the target is one pixel to the right."""
    keras.utils.set_random_seed(0)
    digits = load_digits()
    images, labels = digits.images.astype("float32") / 16, digits.target
    shifted = np.roll(images, 1, axis=2)[1200:1500].reshape(-1, 64)
    images = images.reshape(-1, 64)
    inputs = keras.Input((64,))
    features = keras.layers.Dense(32, activation="relu", name="features")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(10, name="logits")(features))
    probe = Probe(model, shifted, (images[900:1200], labels[900:1200]), mix=True, batch_size=300)
    before = probe.evidence()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(images[:900], labels[:900], epochs=20, batch_size=30, verbose=0)
    return before, probe.evidence()


def test_the_names_and_their_needs():
    assert {name: needs(name) for name in VALIDATORS} == NEEDS
    assert needs(VALIDATORS["dev"]) == NEEDS["dev"]


@pytest.mark.parametrize("name", NEEDS)
def test_every_validator_scores_a_trained_network(name, evidences):
    value = score(name, evidences[1])
    assert isinstance(value, float) and np.isfinite(value)
    assert value == VALIDATORS[name](**{field: getattr(evidences[1], field) for field in NEEDS[name]})
    assert score(name, evidences[1]) == value


@pytest.mark.parametrize("name", sorted(set(NEEDS) - {"snd", "rankme", "mixval"}))
def test_learning_the_source_scores_higher_than_chance(name, evidences):
    before, after = evidences
    assert score(name, after) > score(name, before)


def test_a_function_scores_as_well(evidences):
    def rows(target_logits, *, scale=2):
        return scale * len(target_logits)

    assert needs(rows) == ("target_logits",)
    assert score(rows, evidences[1]) == 2 * 300


def test_what_is_missing_and_how_to_get_it():
    evidence = Evidence(np.zeros((4, 2)))
    with pytest.raises(ValueError, match=f"what 'source_accuracy' needs: {SOURCE_NEEDED}. Received: no source_logits,"):
        score("source_accuracy", evidence)
    with pytest.raises(ValueError, match="pass `mix=True` to the Probe. Received: no mixed_logits"):
        score("mixval", evidence)
    with pytest.raises(ValueError, match="'rankme' needs: name the layer of the features as `tap=` of the Probe. Rec"):
        score(VALIDATORS["rankme"], evidence)


def test_unknown_names_and_functions_of_other_things():
    with pytest.raises(ValueError, match="one of source_accuracy, entropy, .* or a function. Received: 'accuracy'"):
        score("accuracy", Evidence(np.zeros((4, 2))))
    with pytest.raises(ValueError, match="fields of Evidence, target_logits, .*Received: a function of \\['labels'\\]"):
        needs(lambda labels: 0.0)


def test_a_validator_of_other_answers_is_refused():
    evidence = Evidence(np.arange(6.0)[:, None], answers="values")
    with pytest.raises(ValueError, match="of a model that answers values must be one of source_r2,.*Received: entro"):
        score("entropy", evidence)
    with pytest.raises(ValueError, match="answers classes must be one of .*Received: label_information"):
        score("label_information", Evidence(np.eye(3)))
    with pytest.raises(ValueError, match="`evidence` must have what 'source_r2' needs"):
        score("source_r2", evidence)


@pytest.mark.parametrize(("head", "answers"), [(classifier, "classes"), (multi_label, "labels"), (regressor, "values")])
def test_a_probe_knows_what_the_model_answers(head, answers):
    inputs = keras.Input((4,))
    probe = Probe(head(keras.Model(inputs, inputs), 2), RNG_ROWS, (RNG_ROWS, RNG_ROWS[:, :2]))
    evidence = probe.evidence()
    assert evidence.answers == answers and evidence.source_labels.shape == (8, 2)


RNG_ROWS = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
