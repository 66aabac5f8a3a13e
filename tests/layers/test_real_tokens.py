import keras
import numpy as np

from tlkeras.layers import RealTokens

VECTORS = np.array([[[1.0, 2.0], [0.0, 0.0], [3.0, 4.0]]])


def test_a_token_whose_vector_is_zero_stays_a_token():
    marked = RealTokens()(VECTORS, np.array([[7, 7, 0]]))
    np.testing.assert_array_equal(marked, [[[1, 2, 1], [0, 0, 1], [0, 0, 0]]])


def test_a_reference_of_several_numbers_is_padding_where_all_are_zero():
    marked = RealTokens()(VECTORS, np.array([[[0, 0], [0, 5], [0, 1]]]))
    np.testing.assert_array_equal(marked, [[[0, 0, 0], [0, 0, 1], [3, 4, 1]]])


def test_it_is_float16_under_mixed_precision():
    ids = keras.Input((3,), dtype="int32")
    embedded = keras.layers.Embedding(9, 2, dtype="mixed_float16")(ids)
    assert RealTokens(dtype="mixed_float16")(embedded, ids).dtype == "float16"
