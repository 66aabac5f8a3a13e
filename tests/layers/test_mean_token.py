import keras
import numpy as np

from tlkeras.layers import MeanToken


def test_padding_does_not_count_and_no_token_gives_zeros():
    vectors = np.arange(12.0, dtype="float32").reshape(2, 3, 2)
    ids = np.array([[4, 0, 1], [0, 0, 0]])
    np.testing.assert_array_equal(MeanToken()(vectors, ids), [[2.0, 3.0], [0.0, 0.0]])
    np.testing.assert_array_equal(MeanToken(padding=1)(vectors, ids)[0], [1.0, 2.0])


def test_it_is_saved(tmp_path):
    inputs = keras.Input((3, 2)), keras.Input((3,), dtype="int32")
    model = keras.Model(inputs, MeanToken(padding=1)(*inputs))
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    assert again.layers[-1].padding == 1 and model.output_shape == (None, 2)
