import dataclasses

import keras
import numpy as np
import pytest

from tlkeras.data import table

PEOPLE = {
    "age": [30, None, 50, 40],
    "job": ["cook", "cook", "", "baker"],
    "site (id)": [7, 7, 9, 9],
    "ill": ["no", "no", "yes", "no"],
}


def people(**changes):
    return table({**PEOPLE, **changes}, label="ill", types={"site (id)": "integer"})


def test_a_dict_and_a_file_give_the_same_table(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("age,job,site (id),ill\n30,cook,7,no\n,cook,7,no\n50,,9,yes\n40,baker,9,no\n", encoding="utf-8")
    for found in (people(), table(path, label="ill", types={"site (id)": "integer"})):
        assert found.kinds == {"age": "float", "job": "string", "site_id": "integer"}
        assert found.headers == {"age": "age", "job": "job", "site_id": "site (id)"}
        np.testing.assert_array_equal(found.columns["age"], np.array([30, np.nan, 50, 40], "float32"))
        assert found.columns["job"].tolist() == ["cook", "cook", "", "baker"]
        assert found.columns["site_id"].tolist() == [7, 7, 9, 9] and found.columns["site_id"].dtype == np.int32
        assert (found.labels.tolist(), found.class_names, len(found)) == ([0, 0, 1, 0], ("no", "yes"), 4)
        assert found.notes == ("`age`: 1 of 4 cells are missing.", "`job`: 1 of 4 cells are missing.")


def test_a_data_frame():
    pandas = pytest.importorskip("pandas")
    found = table(pandas.DataFrame(PEOPLE), label="ill", types={"site (id)": "integer"})
    for name, column in people().columns.items():
        np.testing.assert_array_equal(found.columns[name], column)


def test_inputs_and_rows():
    pytest.importorskip("tensorflow", reason="Keras reads strings with TensorFlow")
    inputs = people().take(np.array([3, 0])).inputs()
    assert inputs["age"].tolist() == [[40.0], [30.0]]
    assert [word.decode() for word in np.ravel(keras.ops.convert_to_numpy(inputs["job"]))] == ["baker", "cook"]
    assert people().take([2]).labels.tolist() == [1] and len(people().inputs([1, 2])["age"]) == 2
    with pytest.raises(ValueError, match="at least one index"):
        people().take([])


def test_a_second_table_is_read_like_the_first():
    first = people()
    columns = {"ill": ["yes", "no"], "site (id)": [9, 8], "job": ["smith", ""], "age": ["", "44"], "id": [1, 2]}
    second = table(columns, like=first)
    assert second.labels.tolist() == [1, 0] and second.class_names == first.class_names
    assert list(second.columns) == list(first.columns) and np.isnan(second.columns["age"][0])
    told = " ".join(second.notes)
    assert "`job`: 1 of 2 rows hold what the first table lacks, such as 'smith'." in told
    assert "`site (id)`: 1 of 2 rows hold what the first table lacks, such as 8." in told
    assert "`age`: 1 of 2 cells are missing." in told and "left out: id." in told


def test_a_target_without_labels_or_values():
    columns = {"age": ["", ""], "job": ["cook", "cook"], "site (id)": [7, 7]}
    assert table(columns, like=people()).labels is None
    unlabelled = table({**columns, "ill": ["", ""]}, like=people())
    assert unlabelled.labels is None and "`age`: all cells are missing." in unlabelled.notes
    whole = table({**PEOPLE, "age": [1, 2, 3, 4]}, label="ill", types={"site (id)": "integer"})
    assert "`age`: all cells are missing, none in the first table." in table(columns, like=whole).notes
    known = table({"job": ["cook", "baker"]})
    missing = "`job`: 1 of 2 cells are missing, none in the first table."
    assert table({"job": ["", "cook"]}, like=known).notes == (missing,), "a gap is no new category"


def test_numbers_to_predict():
    found = table({"x": [1, 2, 3], "y": [0.5, 1.5, 2.5]}, label="y", types={"y": "float"})
    assert found.labels.dtype == np.float32 and found.labels.tolist() == [0.5, 1.5, 2.5] and found.class_names == ()
    assert table({"x": [1], "y": [9.5]}, like=found).labels.tolist() == [9.5]


def test_classes_named_by_numbers_are_in_their_order():
    assert table({"x": range(3), "y": [10, 2, 9]}, label="y").class_names == ("2", "9", "10")


def test_names_of_inputs_are_fit_for_a_model():
    names = list(table({"Größe (cm)": [1, 2], "source": [1, 2], "%": [1, 2], "2nd": [1, 2]}).columns)
    assert names == ["Gr_e_cm", "column_source", "column_2", "column_2nd"]


@pytest.mark.parametrize(
    ("columns", "arguments", "match"),
    [
        ({}, {"label": "sick"}, r"there are \['age', .*'ill'\]. Received: \['sick'\]"),
        ({}, {"ignore": ["no"]}, "must name columns"),
        ({}, {"types": {"age": "number"}}, "`types` must be of float, integer, string"),
        ({"age": [None] * 4}, {}, "`age` must have values: `ignore` it"),
        ({"job": ["a", "b", "c"]}, {}, "columns of one length"),
        ({"a b": [1] * 4, "a-b": [1] * 4}, {}, "differ in letters and digits"),
        ({"ill": ["no"] * 4}, {"label": "ill"}, "two classes at least. Received: 'no' only"),
        ({"ill": ["no", "", "yes", "no"]}, {"label": "ill"}, "must have its label `ill`.* none in row 1, 1 in all"),
        ({}, {"label": "ill", "ignore": ("age", "job", "site (id)")}, "a column beside label"),
    ],
)
def test_what_is_no_table(columns, arguments, match):
    with pytest.raises(ValueError, match=match):
        table({**PEOPLE, **columns}, **arguments)


def test_a_thousand_names_are_no_categories():
    with pytest.raises(ValueError, match="at most 1000 categories.* Received: 1001 in 1001 rows"):
        table({"id": [f"p{index}" for index in range(1001)]})


def test_numbers_are_no_classes():
    with pytest.raises(ValueError, match='types={\'y\': "float"}.* Received: 30 different ones in 30 rows'):
        table({"x": range(30), "y": np.arange(30) / 7}, label="y")


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        ({"ill": ["no", "no", "maybe", "no"]}, "of the classes no, yes. Received: 'maybe' in row 2, 1 unknown"),
        ({"age": [1, "old", 2, 3]}, "`age` must be numbers. Received: 'old' in row 1"),
    ],
)
def test_a_second_table_that_does_not_fit(columns, match):
    with pytest.raises(ValueError, match=match):
        table({**PEOPLE, **columns}, like=people())


def test_a_second_table_that_lacks_a_column():
    lacking = {name: column for name, column in PEOPLE.items() if name != "job"}
    with pytest.raises(ValueError, match=r"columns of the first; there are \['age', 'site.* Received: \['job'\]"):
        table(lacking, like=people())
    with pytest.raises(ValueError, match="`like` settles the columns"):
        table(PEOPLE, like=people(), label="ill")


def test_neither_file_nor_columns():
    with pytest.raises(ValueError, match="name of a csv file"):
        table(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="each name once"):
        table({})
    assert dataclasses.replace(people(), labels=None).take([0]).labels is None
