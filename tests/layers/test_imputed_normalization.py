import keras
import numpy as np
import pytest

from tlkeras.layers import ImputedNormalization

X = np.array([[1.0], [np.nan], [7.0]], "float32")


def run(**arguments):
    return keras.ops.convert_to_numpy(ImputedNormalization(**arguments)(X))


def test_missing_numbers_become_the_fill_before_they_are_normalised():
    np.testing.assert_allclose(run(mean=1.0, deviation=2.0, fill=5.0), [[0.0], [2.0], [3.0]])


def test_the_indicator_is_a_column_of_its_own():
    np.testing.assert_allclose(run(mean=1.0, deviation=2.0, indicator=True), [[0, 0], [-0.5, 1], [3, 0]])


def test_nothing_missing_leaves_the_indicator_at_0():
    layer = ImputedNormalization(indicator=True)
    assert keras.ops.convert_to_numpy(layer(np.zeros((3, 1))))[:, 1].sum() == 0


def test_the_arguments_are_saved(tmp_path):
    inputs = keras.Input((1,))
    model = keras.Model(inputs, ImputedNormalization(1.5, 2.5, 3.5, indicator=True)(inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))


@pytest.mark.parametrize("wrong", [{"deviation": 0.0}, {"mean": float("nan")}, {"fill": float("inf")}, {"fill": "3"}])
def test_numbers_are_checked(wrong):
    with pytest.raises(ValueError, match=f"`{next(iter(wrong))}` must be .* Received"):
        ImputedNormalization(**wrong)
