from tlkeras.report import as_text
from tlkeras.tuning.page import accuracies


def test_without_labels_of_the_target_the_table_holds_what_the_rows_hold():
    rows = {"source only": {"score": 0.5, "predicted": {"cat": 30, "dog": 4}}, "mcc": {"score": 1.5}}
    text = as_text(accuracies([{"rows": rows}]))
    assert text.splitlines()[0].split() == ["model", "score", "cat", "dog"]
    assert text.splitlines()[1].split() == ["source", "only", "0.5", "30", "4"]


def test_with_labels_it_is_last_selected_and_oracle_over_the_seeds():
    row = {f"target_accuracy_{name}": value for name, value in (("last", 0.5), ("selected", 0.6), ("oracle", 0.7))}
    other = {**row, "target_accuracy_last": 0.6}
    text = as_text(accuracies([{"rows": {"mcc": row}}, {"rows": {"mcc": other}}]))
    assert "55.0" in text and "60.0" in text and "70.0" in text
