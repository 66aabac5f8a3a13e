import numpy as np
import pytest

from tlkeras.data.texts import text_array


def test_texts_are_objects_and_numbers_stay():
    for rows in (["a", "b" * 9], ("a", b"b"), np.array(["a", "b"], object), np.array(["a"], np.dtypes.StringDType())):
        assert text_array(rows, "x").dtype == object and text_array(rows, "x").ndim == 1
    assert text_array([[1, 2], [3, 4]], "x").shape == (2, 2) and text_array(np.ones(3, "uint8"), "x").dtype == "uint8"


def test_what_is_no_text_is_told():
    with pytest.raises(ValueError, match="`source` must hold numbers, or texts alone. Received: nan in row 1"):
        text_array(np.array(["a", np.nan], object), "source")
