import numpy as np
import pytest

from tlkeras.export import bench, litert_contents


def test_every_file_beside_the_first(dense_files):
    rows = bench([dense_files["float32"], dense_files["int8"]], baselines=[dense_files["dynamic"]])
    assert [row["baseline"] for row in rows] == [False, False, True]
    for row in rows:
        assert litert_contents(row["path"]).items() <= row.items() and "accuracy" not in row
        assert list(row["latency"]) == [1, 2] and row["peak_memory"] > 0
        for count, time in row["latency"].items():
            assert 0 < time["median_ms"] <= time["p95_ms"] and time["runs"] == 200
            assert time["ratio"] == pytest.approx(time["median_ms"] / rows[0]["latency"][count]["median_ms"])
    assert rows[0]["latency"][1]["ratio"] == 1.0


def test_published_mobilenets_run(published):
    small, large = bench(sorted(published.glob("*.tflite")), threads=(1,))
    assert small["bytes"] == 525598 and large["bytes"] == 4070174
    assert large["latency"][1]["ratio"] > 3  # 300 million products beside 14 million
    assert large["peak_memory"] > small["peak_memory"] > 0


@pytest.mark.parametrize(
    ("files", "arguments", "message"),
    [
        ([], {}, r"at least one .tflite file. Received: \[\]"),
        ("a.tflite", {}, "must be a list .*Received: 'a.tflite'"),
        (["a.tflite"], {"threads": (0,)}, r"`threads` must be numbers from 1. Received: \(0,\)"),
        (["a.tflite"], {"threads": ()}, "`threads`"),
        (["a.tflite"], {"value_range": (1, 0)}, "`value_range` must be two rising numbers"),
        (["a.tflite"], {"value_range": None}, "`value_range` must be two rising numbers"),
        (["a.tflite"], {}, "no file at a.tflite"),
    ],
)
def test_bad_arguments(files, arguments, message):
    with pytest.raises(ValueError, match=message):
        bench(files, **arguments)


def test_the_95th_percentile_by_hand(dense_files, monkeypatch):
    times = np.arange(1.0, 101.0)
    monkeypatch.setattr("tlkeras.export.benchmark.latencies", lambda *_, **__: [times, 2 * times])
    _, second = bench([dense_files["float32"]] * 2, threads=(1,))
    assert second["latency"][1] == {"median_ms": 101.0, "p95_ms": pytest.approx(190.1), "ratio": 2.0, "runs": 100}
