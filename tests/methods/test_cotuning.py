import keras
import numpy as np
import pytest

from tlkeras.methods import CoTuning
from tlkeras.ops import category_relationship
from tlkeras.testing import common, fine_tuned_accuracy, renamed_classes
from tlkeras.transfer import TransferModel

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(16, 4)).astype("float32"), RNG.integers(0, 3, 16)
RELATIONSHIP = RNG.dirichlet(np.ones(5), 3).astype("float32")


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def test_one_step_equals_the_hand_derivation():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    features = keras.layers.Dense(2, use_bias=False, name="features")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, name="logits")(features))
    head = keras.layers.Dense(5, name="predictions")
    transfer = TransferModel(model, [CoTuning(RELATIONSHIP, head)])
    common.compile_model(transfer, learning_rate=0.5)
    kernel, (h, b) = model.get_layer("features").get_weights()[0], head.get_weights()
    p, soft = softmax(X @ kernel @ h + b), RELATIONSHIP[Y]
    error = 2.3 * (p - soft) / 16

    logs = transfer.train_on_batch(X, Y, sample_weight=np.zeros(16), return_dict=True)
    np.testing.assert_allclose(logs["cotuning"], -(soft * np.log(p)).sum(axis=1).mean(), rtol=1e-5)
    np.testing.assert_allclose(head.get_weights()[0], h - 0.5 * (X @ kernel).T @ error, atol=1e-5)
    np.testing.assert_allclose(head.get_weights()[1], b - 0.5 * error.sum(axis=0), atol=1e-5)
    np.testing.assert_allclose(
        model.get_layer("features").get_weights()[0], kernel - 0.5 * X.T @ error @ h.T, atol=1e-5
    )


def test_a_pretrained_head_keeps_its_weights_and_comes_back_with_the_method(tmp_path):
    """As from a Keras application with its top: the last layer of a built model, and R from its own predictions."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    features = keras.layers.Dense(8, activation="tanh", name="features")(inputs)
    pretrained = keras.Model(inputs, keras.layers.Dense(5, name="predictions")(features))
    relationship = category_relationship(softmax(pretrained.predict(X, verbose=0)), Y)
    head = pretrained.layers[-1]
    before = head.get_weights()[0]
    model = keras.Model(inputs, keras.layers.Dense(3, name="logits")(features))
    transfer = TransferModel(model, [CoTuning(relationship, head)])
    common.compile_model(transfer)
    np.testing.assert_array_equal(head.get_weights()[0], before)
    common.train(transfer, [(X, Y[:, None])] * 2)
    transfer.save(tmp_path / "t.keras")
    restored = keras.models.load_model(tmp_path / "t.keras")
    np.testing.assert_array_equal(restored.methods[0].relationship, relationship)
    np.testing.assert_array_equal(*(m.methods[0].source_head.get_weights()[0] for m in (restored, transfer)))


@pytest.mark.parametrize(
    ("relationship", "head", "message"),
    [
        (RELATIONSHIP, None, "cannot be co-tuned. Received: source_head=None"),
        (RELATIONSHIP, keras.layers.Dense(5, activation="softmax"), "`classifier_activation=None`.*'softmax'"),
        (np.ones((3, 5)), keras.layers.Dense(5), "rows >= 0 that sum to 1.*Received: shape \\(3, 5\\)"),
        ([1.0], keras.layers.Dense(1), "Received: shape \\(1,\\)"),
    ],
)
def test_bad_arguments_are_refused(relationship, head, message):
    with pytest.raises(ValueError, match=message):
        CoTuning(relationship, head)


def test_a_head_of_other_classes_is_refused_at_construction():
    with pytest.raises(ValueError, match="each of the 7 classes of `source_head`. Received: shape \\(3, 5\\)"):
        TransferModel(common.small_model(), [CoTuning(RELATIONSHIP, keras.layers.Dense(7))])


@pytest.mark.exhaustive
def test_solves_a_toy_that_two_labels_a_class_do_not():
    tasks = renamed_classes()
    few, labels = tasks[1]

    def co_tuned(pretrained):
        relationship = category_relationship(softmax(pretrained.predict(few, verbose=0)), labels)
        return [CoTuning(relationship, pretrained.get_layer("logits"))]

    plain = fine_tuned_accuracy(tasks, lambda pretrained: [])
    assert plain < 0.5
    assert fine_tuned_accuracy(tasks, co_tuned) >= plain + 0.1
