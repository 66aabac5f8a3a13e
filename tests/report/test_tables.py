import pytest

from tlkeras.report import Table, accuracy_table, as_text, figures_table, label_table, records_table


def test_accuracy_table():
    table = accuracy_table(
        {
            "frozen": {"last": [0.6, 0.7]},
            "DANN": {"last": 0.8, "selected": 0.825, "selected_by": "information_maximization", "oracle": 0.9},
        }
    )
    assert list(table.columns) == [
        "model", "last epoch", "selected by information maximization", "oracle (peeks at target labels)",
    ]  # fmt: skip
    assert [list(row) for row in table.rows] == [["frozen", "65.0 ± 7.1", "–", "–"], ["DANN", "80.0", "82.5", "90.0"]]
    assert "over 2 seeds" in table.caption and "nobody without target labels" in table.caption


def test_columns_that_no_row_fills_are_left_out():
    table = accuracy_table({"frozen": {"last": 0.5, "oracle": None}})
    assert list(table.columns) == ["model", "last epoch"]
    assert table.caption == "Accuracy on the target domain in percent."
    named = accuracy_table({"frozen": {"last": 0.5}}, what="Mean F1")
    assert named.caption == "Mean F1 on the target domain in percent."


def test_the_oracle_is_never_alone():
    with pytest.raises(ValueError, match="oracle alone.*Received: 'DANN'"):
        accuracy_table({"DANN": {"oracle": 0.9}})


@pytest.mark.parametrize("value", [84.0, -0.1, float("nan"), [0.5, 1.2]])
def test_an_accuracy_outside_its_range_is_refused(value):
    with pytest.raises(ValueError, match="must be in"):
        accuracy_table({"DANN": {"last": value}})


def test_records_and_text():
    table = records_table([{"path": "a", "bytes": 12345, "max_abs_diff": 1.23456e-6}, {"path": "bcd"}])
    assert as_text(table) == "path  bytes   max abs diff\na     12,345  1.235e-06\nbcd   –       –"


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="2 cells"):
        Table(["a", "b"], [["1"]])


def test_figures_of_any_size():
    rows = {"source only": {"last": [61.0, 63.0]}, "RSD": {"last": 55.5, "selected": 56, "selected_by": "dev_r2"}}
    table = figures_table(rows, what="Mean absolute error", best="lowest")
    assert table.columns == ["model", "last epoch", "selected by dev r2"]
    assert table.rows == [["source only", "62 ± 1.4", "–"], ["RSD", "55.5", "56"]]
    assert table.caption.startswith("Mean absolute error on the target domain; the lowest is best, mean ± standard")
    with pytest.raises(ValueError, match="oracle alone"):
        figures_table({"RSD": {"oracle": 3.0}}, what="Error")


def test_labels_by_hand():
    labels, predictions = [[1, 0, 0], [1, 1, 0], [0, 1, 0]], [[1, 0, 0], [0, 1, 0], [1, 1, 0]]
    table = label_table(labels, predictions, names="abc")
    assert table.rows == [
        ["a", "2", "2", "1", "50.0", "50.0", "50.0"],
        ["b", "2", "2", "2", "100.0", "100.0", "100.0"],
        ["c", "0", "0", "0", "–", "–", "–"],
    ]
    with pytest.raises(ValueError, match="`names` one a label. Received"):
        label_table(labels, predictions, names="ab")
