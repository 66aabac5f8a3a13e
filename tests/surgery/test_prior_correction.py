import keras
import numpy as np
import pytest

from tlkeras.ops import prior_corrected
from tlkeras.surgery import prior_correction

SOURCE, TARGET = [0.5, 0.3, 0.2], [0.1, 0.2, 0.7]
X = np.random.default_rng(0).normal(size=(9, 4)).astype("float32")


def classifier(activation=None, units=3):
    inputs = keras.Input((4,))
    return keras.Model(inputs, keras.layers.Dense(units, activation, name="logits")(inputs))


def test_its_softmax_is_the_corrected_softmax_of_the_old_model_which_stays_as_it_was():
    model = classifier()
    before = model.predict(X, verbose=0)
    corrected = prior_correction(model, SOURCE, TARGET)
    received = np.array(keras.ops.softmax(corrected.predict(X, verbose=0)))
    expected = prior_corrected(np.array(keras.ops.softmax(before)), SOURCE, TARGET)
    np.testing.assert_allclose(received, expected, rtol=1e-5)
    np.testing.assert_array_equal(model.predict(X, verbose=0), before)
    assert corrected.get_layer("logits") is model.get_layer("logits")
    assert (received.argmax(axis=1) != before.argmax(axis=1)).any()


def test_it_is_saved_with_the_model(tmp_path):
    corrected = prior_correction(classifier(), SOURCE, TARGET)
    corrected.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), corrected.predict(X, verbose=0))


def test_equal_priors_change_nothing():
    model = classifier()
    corrected = prior_correction(model, SOURCE, SOURCE)
    np.testing.assert_array_equal(corrected.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_half_precision_model_keeps_its_precision():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(3, dtype="mixed_bfloat16")(inputs))
    assert prior_correction(model, SOURCE, TARGET).output.dtype == "bfloat16"


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: classifier("softmax"), "in front of the softmax. Received: a softmax in its last layer `logits`"),
        (lambda: prior_correction(classifier(), SOURCE, TARGET), "corrected already"),
        (lambda: classifier(units=1), r"logits \(batch, classes\), at least 2. Received: output shape=\(None, 1\)"),
        (lambda: classifier(units=4), "`source_prior` must hold 4 numbers > 0"),
        (lambda: keras.layers.Dense(3), "`model` must be a functional"),
    ],
)
def test_models_without_logits_are_refused(model, message):
    with pytest.raises(ValueError, match=message):
        prior_correction(model(), SOURCE, TARGET)


def test_a_prior_with_a_zero_is_refused():
    with pytest.raises(ValueError, match=r"`target_prior` must hold 3 numbers > 0.*Received: target_prior=\[0.0"):
        prior_correction(classifier(), SOURCE, [0.0, 0.5, 0.5])


def test_the_exported_file_holds_the_correction(tmp_path):
    tf = pytest.importorskip("tensorflow")
    from tlkeras.export import to_saved_model  # needs TensorFlow

    corrected = prior_correction(classifier(), SOURCE, TARGET)
    loaded = tf.saved_model.load(str(to_saved_model(corrected, tmp_path / "saved")))
    np.testing.assert_allclose(loaded.serve(X).numpy(), corrected.predict(X, verbose=0), atol=1e-6)
