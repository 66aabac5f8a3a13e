import numpy as np
import pytest

from tlkeras.data.columns import MISSING_INTEGER, cells_of, kind_of, missing_in, parsed


def kind(cells):
    return kind_of(cells, "x", str)


def parse(cells, wanted):
    return parsed(cells, wanted, "x", lambda index: f"line {index}")


def test_values_that_are_there_become_numbers_or_text():
    assert cells_of([True, False], "x").tolist() == [1.0, 0.0]
    assert cells_of(np.array([[3], [4]]), "x").tolist() == [3.0, 4.0]
    assert cells_of(["a ", None, float("nan"), 3, "é".encode()], "x") == ["a", "", "", "3", "é"]
    with pytest.raises(ValueError, match="one value a row"):
        cells_of(np.zeros((3, 2)), "x")


def test_pandas_columns_with_missing_values():
    pandas = pytest.importorskip("pandas")
    for kind, values, missing in (("Int64", [1, None], "float"), ("category", ["b", None], "string"),
                                  ("string", ["b", None], "string"), ("boolean", [True, None], "float")):  # fmt: skip
        column = parse(cells_of(pandas.Series(values, dtype=kind), "x"), missing)
        assert missing_in(column).tolist() == [False, True] and column[0] == values[0]


def test_the_kind_is_that_of_the_cells():
    assert kind(["1", "-2.5e3", "", "NA", "?"]) == "float"
    assert kind(["red", "", "NA"]) == "string" and kind(["1", "b", "c"]) == "string"
    assert kind(np.array([1.0])) == "float"


def test_text_among_numbers_is_told_with_its_place():
    with pytest.raises(ValueError, match="numbers in 3 of 4 rows: .* Received: '1,5' in 2"):
        kind(["1", "2", "1,5", "4", ""])
    with pytest.raises(ValueError, match="`x` must be numbers. Received: 'old' in line 1"):
        parse(["1", "old"], "float")
    with pytest.raises(ValueError, match="must be numbers. Received: '1_000' in line 0"):
        parse(["1_000"], "float")


def test_missing_cells_of_each_kind():
    numbers, codes = parse(["1.5", "nan", "?"], "float"), parse(["7", "", "-1.0"], "integer")
    words = parse(["a", ""], "string")
    assert numbers.dtype == np.float32 and numbers[0] == 1.5 and missing_in(numbers).tolist() == [False, True, True]
    assert codes.tolist() == [7, MISSING_INTEGER, -1] and missing_in(codes).tolist() == [False, True, False]
    assert words.tolist() == ["a", ""] and missing_in(words).tolist() == [False, True]


def test_numbers_as_names_are_the_same_from_a_file_and_from_an_array():
    assert parse(np.array([3.0, np.nan, 2.5]), "string").tolist() == parse(["3", "", "2.5"], "string").tolist()


@pytest.mark.parametrize(
    ("cell", "wanted", "rule"),
    [("inf", "float", "finite"), ("1e39", "float", "finite"), ("2.5", "integer", "whole"), ("3e9", "integer", "whole")],
)
def test_numbers_out_of_range(cell, wanted, rule):
    with pytest.raises(ValueError, match=f"must be {rule} .* in line 1"):
        parse(["1", cell], wanted)
