import keras
import numpy as np
import pytest

from tests.cache.models import expected, frozen_model, images
from tlkeras.cache import passes
from tlkeras.cache.passes import choose_pass, keras_pass

tensorflow_only = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="LiteRT needs TensorFlow")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "model.tflite"


@pytest.fixture
def any_length(monkeypatch):
    monkeypatch.setattr(passes, "WORTH_SECONDS", 0.0)


def model_of(function):
    inputs = keras.Input((6, 6, 3))
    return keras.Model(inputs, function(inputs))


@pytest.mark.parametrize("count", [1, 32, 70])
def test_the_keras_pass_is_the_model_in_inference_mode(count):
    model, rows = frozen_model(), images(count)
    found = keras_pass(model)(rows)
    assert found.dtype == "float32"
    np.testing.assert_allclose(found, expected(model, rows), rtol=1e-5, atol=1e-4)
    assert not model.compiled


def test_a_model_that_draws_is_refused(file):
    class Noise(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.generator = keras.random.SeedGenerator(1)

        def call(self, rows):
            return rows + keras.random.normal((1, 6, 6, 3), stddev=100, seed=self.generator)

    with pytest.raises(ValueError, match=r"the same features for the same rows.*Received: model"):
        choose_pass(model_of(Noise()), images(4), 4, file)


@tensorflow_only
def test_litert_is_taken_when_it_pays(file, any_length, capsys):
    model, rows = frozen_model(), images(70)
    found = choose_pass(model, rows[:32], 70, file)(rows)
    assert "computed by LiteRT float32" in capsys.readouterr().err and file.exists()
    np.testing.assert_allclose(found, expected(model, rows), rtol=1e-4, atol=1e-3)


@tensorflow_only
def test_a_short_pass_is_not_worth_a_conversion(file, monkeypatch, capsys):
    choose_pass(frozen_model(), images(4), 4, file)
    assert "4 rows take 0.0 s, too short to convert the model for" in capsys.readouterr().err and not file.exists()
    with monkeypatch.context() as patch:
        patch.setattr(passes, "WORTH_SECONDS", 0.0)
        choose_pass(frozen_model(), images(4), 4, file)
    capsys.readouterr()
    choose_pass(frozen_model(), images(4), 4, file)
    assert "computed by LiteRT" in capsys.readouterr().err  # converted already


@tensorflow_only
def test_an_operation_that_litert_lacks_falls_back(file, any_length, capsys):
    model, rows = model_of(lambda x: keras.ops.erfinv(x / 256.0)), images(5)
    found = choose_pass(model, rows, 5, file)(rows)
    assert "computed by Keras, LiteRT cannot run this model: Converter" in capsys.readouterr().err
    np.testing.assert_allclose(found, expected(model, rows), rtol=1e-5)
    assert not file.exists()


@tensorflow_only
def test_a_file_of_another_model_is_not_trusted(file, any_length, capsys):
    choose_pass(frozen_model(1), images(4), 4, file)
    model = frozen_model(2)
    found = choose_pass(model, images(4), 4, file)(images(9))
    assert "computed by Keras, LiteRT gives other features: cosine" in capsys.readouterr().err
    np.testing.assert_allclose(found, expected(model, images(9)), rtol=1e-4, atol=1e-3)


@tensorflow_only
@pytest.mark.parametrize("content", [b"", b"garbage" * 100])
def test_a_damaged_file_falls_back(file, content, capsys):
    file.write_bytes(content)
    choose_pass(frozen_model(), images(4), 4, file)
    assert "computed by Keras, LiteRT cannot run this model" in capsys.readouterr().err


@tensorflow_only
def test_a_gpu_keeps_keras(file, any_length, monkeypatch, capsys):
    monkeypatch.setattr(keras.distribution, "list_devices", lambda kind: ["gpu:0"])
    choose_pass(frozen_model(), images(4), 4, file)
    assert "computed by Keras (tensorflow): there is a GPU" in capsys.readouterr().err


@tensorflow_only
def test_without_litert_keras_computes(file, any_length, monkeypatch, capsys):
    import sys

    monkeypatch.delitem(sys.modules, "tlkeras.cache.litert_pass", raising=False)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    choose_pass(frozen_model(), images(4), 4, file)
    assert "LiteRT cannot run this model: ModuleNotFoundError" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("found", "cosine", "difference"),
    [([[3.0, 4.0]], 1.0, 0.0), ([[4.0, 3.0]], 0.96, 0.25), ([[6.0, 8.0]], 1.0, 1.0), ([[1.0]], -1.0, np.inf)],
)
def test_closeness_by_hand(found, cosine, difference):
    assert passes._closeness(np.array([[3.0, 4.0]]), np.array(found)) == pytest.approx((cosine, difference))


def test_rows_of_zeros_are_equal_and_nan_is_close_to_nothing(file):
    assert passes._closeness(np.zeros((1, 2)), np.zeros((1, 2))) == (1.0, 0.0)
    cosine, _ = passes._closeness(np.ones((1, 2)), np.full((1, 2), np.nan))
    assert not cosine >= passes.SMALLEST_COSINE
