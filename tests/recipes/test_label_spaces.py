import sys

import numpy as np
import pytest

from recipes.benchmarks import label_spaces


def test_the_tables_hold_every_row_and_what_is_there_is_not_run_again(monkeypatch, tmp_path):
    random = np.random.default_rng(0)
    for shift, name in enumerate(("photo", "cartoon")):
        labels = np.arange(140) % 7
        rows = np.eye(7)[labels] * 3 + random.normal(0.2 * shift, 0.3, (140, 7))
        np.savez(tmp_path / f"{name}.npz", features=rows.astype("float32"), labels=labels)
    monkeypatch.setattr(label_spaces, "PAIRS", (("photo", "cartoon"),))
    monkeypatch.setattr(label_spaces, "RUNS", {"partial": ("source", "pada_small"), "open": ("source", "osbp")})
    monkeypatch.setattr(label_spaces, "STEPS", 4)
    flags = ["--features", tmp_path, "--seeds", 1, "--out", tmp_path / "runs", "--results", tmp_path / "table.md"]
    monkeypatch.setattr(sys, "argv", ["label_spaces.py", *map(str, flags)])
    label_spaces.main()
    text = (tmp_path / "table.md").read_text()
    rows = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| ")]
    assert rows == [
        *("| method", "| ---", "| source", "| pada_small"),
        *("| method", "| ---", "| source, threshold 0.5", "| source, best threshold", "| osbp"),
    ]
    monkeypatch.setattr(label_spaces, "predicted", None)
    label_spaces.main()
    assert (tmp_path / "table.md").read_text() == text


def test_the_open_set_is_scored_by_classes_and_their_harmonic_mean():
    labels = np.array([0, 0, 0, 1, 2, 3, 4, 4, 4, 4])
    answers = np.array([0, 0, 4, 1, 4, 3, 4, 4, 4, 0])
    known, unknown, harmonic = label_spaces.open_scores(answers, labels)
    assert (known, unknown) == (pytest.approx((2 / 3 + 1 + 0 + 1) / 4), 0.75)
    assert harmonic == pytest.approx(2 * known * unknown / (known + unknown))
    assert label_spaces.open_scores(np.full(10, 4), labels) == [0.0, 1.0, 0.0]


def test_the_best_threshold_is_no_worse_than_a_fixed_one():
    random = np.random.default_rng(0)
    probabilities, labels = random.dirichlet(np.ones(4), 200), random.integers(0, 5, 200)
    rows = label_spaces.rows_of("open", "source", probabilities, labels)
    assert rows["source, best threshold"][2] >= rows["source, threshold 0.5"][2] - 0.01
