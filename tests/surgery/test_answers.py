import keras
import numpy as np
import pytest

from tlkeras import methods
from tlkeras.methods import CORAL, DANN, MCC, MMD
from tlkeras.surgery import answers_of, classifier, multi_label, prior_correction, regressor
from tlkeras.surgery.answers import trained_as
from tlkeras.transfer import TransferModel

CLASS_ONLY = {
    "AdaMatch", "BNM", "BiTuning", "CDAN", "CDD", "CoTuning", "DeepJDOT", "Entropy", "FixMatch", "JMMD", "LMMD",
    "LogitDistillation", "MCC", "MCD", "MDD", "MeanTeacher", "OSBP", "PADA", "SHOT", "VAT",
}  # fmt: skip


def backbone():
    inputs = keras.Input((4,))
    return keras.Model(inputs, keras.layers.Dense(8)(inputs))


def plain(width, name):
    inputs = keras.Input((4,))
    return keras.Model(inputs, keras.layers.Dense(width, name=name)(keras.layers.Dense(8, name="features")(inputs)))


def test_the_heads_say_what_they_answer():
    made = [classifier(backbone(), 3), multi_label(backbone(), 3), regressor(backbone()), plain(3, "mine")]
    assert [answers_of(model) for model in made] == ["classes", "labels", "values", None]
    assert answers_of(regressor(backbone(), targets=np.arange(4.0))) == "values"
    assert answers_of(prior_correction(made[0], [0.5, 0.25, 0.25], [0.2, 0.4, 0.4])) == "classes"
    inputs = keras.Input((4,))
    two = keras.Model(inputs, [keras.layers.Dense(2, name="logits")(inputs), keras.layers.Dense(1)(inputs)])
    assert answers_of(two) is None


def test_what_losses_say():
    for loss in ("mse", "mean_absolute_error", "huber", keras.losses.LogCosh(), keras.losses.mean_squared_error):
        assert trained_as(loss, 1) == "values"
    assert trained_as("binary_crossentropy", 4) == trained_as(keras.losses.BinaryCrossentropy(), 2) == "labels"
    assert trained_as("binary_crossentropy", 1) is None and trained_as(lambda y, p: p, 3) is None
    assert trained_as({"a": "mse"}, 3) is None and trained_as(None, 3) is None


def test_the_methods_that_read_classes_are_those():
    understood = {name: getattr(methods, name).answers for name in methods.__all__ if name[0].isupper()}
    assert {name for name, answers in understood.items() if answers == ("classes",)} == CLASS_ONLY
    assert {name for name, answers in understood.items() if "labels" in answers} == set(understood) - CLASS_ONLY - {
        "RegressionMDD"
    }


@pytest.mark.parametrize(
    ("head", "of"), [(multi_label, "any number of labels"), (regressor, "numbers")], ids=["labels", "values"]
)
def test_a_method_of_classes_refuses_other_heads_at_construction(head, of):
    message = f"Method `mcc` reads predictions of one of several classes, and a model of {of} has none: use a method"
    with pytest.raises(ValueError, match=message):
        TransferModel(head(backbone(), 3), [MCC()])
    with pytest.raises(ValueError, match=message):  # nor by a tap of another name
        TransferModel(head(backbone(), 3), [MCC(tap="label_logits" if head is multi_label else "values")])
    for method in (DANN(hidden=(4,)), CORAL(), MMD()):
        TransferModel(head(backbone(), 3, bottleneck=4), [method])


def test_a_loss_of_values_or_labels_is_refused_when_compiled():
    transfer = TransferModel(plain(3, "logits"), [MCC()])
    with pytest.raises(ValueError, match="`mcc` reads .* a loss of numbers has none: .*Received: loss='mse'"):
        transfer.compile("adam", "mse")
    with pytest.raises(ValueError, match="a loss of any number of labels has none"):
        transfer.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
    transfer.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))


@pytest.mark.parametrize(
    ("loss", "width", "labels"),
    [
        ("mse", 3, np.zeros((6, 2))),
        ("mse", 1, np.zeros((6, 4))),
        ("mse", 6, np.zeros(6)),  # Keras would subtract (6,) from (6, 6)
        ("mse", 3, np.zeros((6, 1))),
        ("binary_crossentropy", 3, np.zeros((6, 1))),
        ("categorical_crossentropy", 3, np.zeros((6, 4))),
    ],
)
def test_labels_of_another_width_are_refused_in_the_first_step(loss, width, labels):
    transfer = TransferModel(plain(width, "mine"), [])
    transfer.compile("sgd", loss)
    with pytest.raises(ValueError, match=f"a column for each of the {width} outputs.*Received: labels of shape .batch"):
        transfer.train_on_batch({"source": np.zeros((6, 4), "float32")}, {"source": labels.astype("float32")})


def test_labels_that_fit_pass():
    for loss, width, labels in (
        ("mse", 1, np.zeros(6)), ("mse", 1, np.zeros((6, 1))),
        (keras.losses.SparseCategoricalCrossentropy(from_logits=True), 3, np.zeros((6, 1))),
        (keras.losses.BinaryCrossentropy(from_logits=True), 3, np.zeros((6, 3))),
    ):  # fmt: skip
        transfer = TransferModel(plain(width, "mine"), [])
        transfer.compile("sgd", loss)
        assert np.isfinite(transfer.train_on_batch({"source": np.zeros((6, 4), "float32")}, {"source": labels}))
