import json

import pytest

from tlkeras.report.benchmark import benchmark_plot, benchmark_table, operations_table, write_benchmark


def record(path, size, median, accuracy=None, **other):
    latency = {
        count: {"median_ms": median / count, "p95_ms": 2 * median, "ratio": median / 4.0, "runs": 200}
        for count in (1, 2)
    }
    end = [{"name": "x", "dtype": "uint8", "shape": [1, 8, 8, 3]}]
    return {
        "path": path, "baseline": False, "bytes": size, "precision": "float32", "operations": {"CONV_2D": 2, "ADD": 1},
        "tensors": {"float32": 7}, "inputs": end, "outputs": [{"name": "y", "dtype": "float32", "shape": [1, 4]}],
        "latency": latency, "peak_memory": 2_345_678, "accuracy": accuracy, **other,
    }  # fmt: skip


@pytest.fixture
def rows():
    return [record("out/a.tflite", 4000, 4.0, 0.75), record("out/b.tflite", 1000, 5.0, 0.5), record("c.tflite", 9, 2.0)]


def test_the_table_says_who_is_slower(rows):
    table = benchmark_table(rows)
    assert table.columns == (
        ["file", "precision", "bytes", "accuracy, %", "1 thread, ms", "p95", "ratio", "2 threads, ms", "p95", "ratio"]
        + ["memory, MB"]
    )
    first, second, third = table.rows
    times = ["4.000", "8.000", "1.00", "2.000", "8.000", "1.00"]
    assert first == ["a.tflite", "float32", "4,000", "75.0", *times, "2.3"]
    assert second[3:7] == ["50.0", "5.000", "10.0", "1.25 slower"]
    assert third[3] == "–" and third[6] == "0.50"
    assert "200 calls" in table.caption


def test_within_the_noise_is_not_slower(rows):
    rows[1]["latency"][1]["ratio"] = rows[1]["latency"][2]["ratio"] = 1.04
    assert benchmark_table(rows).rows[1][6] == "1.04" and "is slower" not in benchmark_table(rows).caption


@pytest.mark.parametrize(
    ("operations", "precision", "cause"),
    [
        ({"CONV_2D": 2, "ADD": 1, "QUANTIZE": 1, "DEQUANTIZE": 1}, "fully int8", "the same operators, whose fully"),
        ({"CONV_2D": 2, "ADD": 1, "QUANTIZE": 3, "DEQUANTIZE": 3}, "mixed", "converts between number formats 6 times"),
        ({"CONV_2D": 2, "ADD": 1}, "int8 weights", "quantises its activations in every call"),
        ({"CONV_2D": 9, "ADD": 1}, "float32", "another network, of 10 operators against 3"),
    ],
)
def test_the_cause_is_what_the_slower_file_does_more(rows, operations, precision, cause):
    rows[1] |= {"operations": operations, "precision": precision}
    caption = benchmark_table(rows).caption
    assert "b.tflite is slower: " in caption and cause in caption and caption.count("is slower") == 1


def test_two_files_of_one_name_are_told_apart(rows):
    rows[2]["path"] = "elsewhere/a.tflite"
    assert [row[0] for row in benchmark_table(rows).rows] == ["out/a.tflite", "out/b.tflite", "elsewhere/a.tflite"]


def test_operations(rows):
    ends = "uint8 1x8x8x3 → float32 1x4"
    assert operations_table(rows).rows[0] == ("a.tflite", "CONV_2D 2, ADD 1", "float32 7", ends)


def test_the_plot_holds_the_values(rows):
    by_size, by_time = benchmark_plot(rows).axes
    points = [[(line.get_xdata()[0], line.get_ydata()[0]) for line in axis.lines[:2]] for axis in (by_size, by_time)]
    assert points == [[(4.0, 75.0), (1.0, 50.0)], [(4.0, 75.0), (5.0, 50.0)]]
    assert by_size.lines[2].get_linestyle() == "--" and list(by_time.lines[2].get_xdata()) == [2.0, 2.0]
    for row in rows:
        row["accuracy"] = None
    (alone,) = benchmark_plot(rows).axes
    points = [(line.get_xdata()[0], line.get_ydata()[0]) for line in alone.lines]
    assert points == [(4.0, 4.0), (1.0, 5.0), (0.009, 2.0)]


def test_the_files_of_a_folder(rows, tmp_path):
    page = write_benchmark(tmp_path / "new", rows, {"test": "photos"})
    assert page.name == "bench.html" and "data:image/png" in page.read_text()
    content = json.loads((tmp_path / "new" / "bench.json").read_text())
    assert content["files"][1]["latency"]["2"]["median_ms"] == 2.5 and content["test"] == "photos"
    text = (tmp_path / "new" / "bench.md").read_text()
    assert "| b.tflite | float32 | 1,000 | 50.0 | 5.000 | 10.0 | 1.25 slower |" in text and "test: photos" in text
    assert "\n|" + "---|" * 11 + "\n" in text
