import keras
import numpy as np
import pytest

from tlkeras.methods import CORAL, LogitDistillation
from tlkeras.surgery import frozen_copy
from tlkeras.testing import common, toy
from tlkeras.transfer import TransferModel

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(16, 4)).astype("float32"), RNG.integers(0, 3, 16)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def teacher_of(seed=7, batch_norm=True):
    keras.utils.set_random_seed(seed)
    return common.small_model(batch_norm)


def test_one_step_equals_the_hand_derivation():
    """The gradient on the student's logits is `T (softmax(s / T) - softmax(t / T)) / rows`."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(3, use_bias=False, name="logits")(inputs))
    teacher, temperature = teacher_of(), 3.0
    transfer = TransferModel(model, [LogitDistillation(teacher, temperature=temperature)])
    common.compile_model(transfer, learning_rate=0.5)
    kernel = model.get_layer("logits").get_weights()[0]
    taught, learned = softmax(teacher.predict(X, verbose=0) / temperature), softmax(X @ kernel / temperature)
    term = temperature**2 * (taught * np.log(taught / learned)).sum(axis=1).mean()
    gradient = X.T @ (temperature * (learned - taught) / 16)
    logs = transfer.train_on_batch(X, Y, sample_weight=np.zeros(16), return_dict=True)
    np.testing.assert_allclose(logs["logitdistillation"], term, rtol=1e-4)
    np.testing.assert_allclose(model.get_layer("logits").get_weights()[0], kernel - 0.5 * gradient, atol=1e-5)


def test_only_the_view_that_was_chosen_teaches():
    """By hand as above, on the target alone, beside a source that must not count."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(3, use_bias=False, name="logits")(inputs))
    teacher = teacher_of()
    transfer = TransferModel(model, [LogitDistillation(teacher, temperature=1.0, view="target")])
    common.compile_model(transfer, learning_rate=0.5)
    kernel, target = model.get_layer("logits").get_weights()[0], X[::-1] + 1.0
    taught, learned = softmax(teacher.predict(target, verbose=0)), softmax(target @ kernel)
    batch = ({"source": X, "target": target}, {"source": Y})
    logs = transfer.train_on_batch(*batch, sample_weight={"source": np.zeros(16)}, return_dict=True)
    term = (taught * np.log(taught / learned)).sum(axis=1).mean()
    np.testing.assert_allclose(logs["logitdistillation"], term, rtol=1e-4)
    gradient = target.T @ ((learned - taught) / 16)
    np.testing.assert_allclose(model.get_layer("logits").get_weights()[0], kernel - 0.5 * gradient, atol=1e-5)


def test_neither_training_nor_evaluation_moves_the_teacher():
    teacher = teacher_of()
    transfer = TransferModel(common.small_model(), [LogitDistillation(teacher)])
    common.compile_model(transfer)
    before = teacher.get_weights()
    common.train(transfer, [(X, Y)] * 2)
    transfer.test_on_batch({"source": X}, {"source": Y})
    transfer.evaluate(X, Y, verbose=0)
    for now, then in zip(teacher.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    assert not teacher.trainable_weights


def test_a_student_learns_a_class_that_its_labels_never_show():
    """Labels say 0 or 1 only; the teacher also knows class 2."""
    random = np.random.default_rng(1)
    x = random.normal(size=(600, 4)).astype("float32")
    truth = (x @ random.normal(size=(4, 3))).argmax(axis=1)
    teacher = teacher_of(batch_norm=False)
    common.compile_model(teacher, learning_rate=0.5)
    teacher.fit(x, truth, epochs=30, verbose=0)
    known = truth < 2
    scores = {}
    for name, chosen in (("plain", []), ("taught", [LogitDistillation(frozen_copy(teacher, "teacher"), weight=4.0)])):
        keras.utils.set_random_seed(0)
        transfer = TransferModel(common.small_model(), chosen)
        common.compile_model(transfer, learning_rate=0.1)
        transfer.fit(x[known], truth[known], epochs=30, verbose=0)
        scores[name] = (transfer.predict(x[~known], verbose=0).argmax(axis=1) == 2).mean()
    assert scores["plain"] < 0.05
    assert scores["taught"] >= scores["plain"] + 0.3


def test_the_loss_that_is_logged_is_not_that_of_a_compiled_teacher():
    teacher = teacher_of()
    common.compile_model(teacher, metrics=["accuracy"])
    transfer = TransferModel(common.small_model(), [LogitDistillation(teacher, view="target")])
    common.compile_model(transfer, metrics=["accuracy"])
    logs = transfer.fit({"target": X}, batch_size=16, verbose=0).history
    assert logs["loss"] == logs["logitdistillation"] and logs["loss"][0] > 0 and "accuracy" not in logs


def test_toy_a_small_student_of_an_adapted_teacher_needs_no_label_of_either_domain():
    """The student sees unlabelled rows of the target alone; trained on the source's labels it fails there."""
    domains = toy.spurious_feature()
    teacher = toy.toy_model(domains, [CORAL(weight=100.0)])
    source_only = toy.toy_accuracy(domains, [])
    inputs = keras.Input((2,))
    student = keras.Model(inputs, keras.layers.Dense(2, name="logits")(inputs))
    transfer = TransferModel(student, [LogitDistillation(teacher, view="target")])
    transfer.compile(keras.optimizers.Adam(0.05))
    transfer.fit({"target": domains[2]}, batch_size=100, epochs=30, verbose=0)
    predictions = student.predict(domains[2], verbose=0).argmax(axis=1)
    taught = (predictions == domains[3]).mean()
    assert source_only < 0.75
    assert taught > source_only + 0.15
    assert (predictions == teacher.predict(domains[2], verbose=0).argmax(axis=1)).mean() > 0.97


def test_the_teacher_is_saved_with_the_method(tmp_path):
    transfer = TransferModel(common.small_model(), [LogitDistillation(teacher_of(), temperature=5.0, view="target")])
    common.compile_model(transfer)
    transfer.save(tmp_path / "t.keras")
    restored = keras.models.load_model(tmp_path / "t.keras").methods[0]
    assert (restored.temperature, restored.view, restored.views) == (5.0, "target", ("target",))
    for ours, theirs in zip(restored.teacher.get_weights(), transfer.methods[0].teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_teacher_that_shares_layers_is_refused_before_it_is_frozen():
    model = common.small_model()
    with pytest.raises(ValueError, match="`teacher` is frozen.*Received: shared \\['features/kernel'"):
        TransferModel(model, [LogitDistillation(model)])
    assert model.trainable_weights


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="`teacher` must be a built `keras.Model`"):
        LogitDistillation(keras.layers.Dense(3))
    with pytest.raises(ValueError, match="`temperature` must be > 0. Received: temperature=0"):
        LogitDistillation(teacher_of(), temperature=0)
    inputs = keras.Input((4,))
    wide = keras.Model(inputs, keras.layers.Dense(7)(inputs))
    with pytest.raises(ValueError, match="shape of `logits`, \\(3,\\). Received: \\(7,\\)"):
        TransferModel(common.small_model(), [LogitDistillation(wide)])
