import sys

import numpy as np
import pytest

from recipes.benchmarks import label_spaces


def test_the_tables_hold_every_row_and_what_is_there_is_not_run_again(monkeypatch, tmp_path):
    monkeypatch.setattr(label_spaces, "HALVES", {"5-9": (5, 6, 7, 8, 9)})
    rows = {"partial": ("source", "source, then PADA + Entropy"), "open": ("source", "OSBP")}
    monkeypatch.setattr(label_spaces, "RUNS", rows)
    monkeypatch.setattr(label_spaces, "IMAGES", 200)
    monkeypatch.setattr(label_spaces, "EPOCHS", 1)
    flags = ["--seeds", 1, "--out", tmp_path / "runs", "--results", tmp_path / "table.md"]
    monkeypatch.setattr(sys, "argv", ["label_spaces.py", *map(str, flags)])
    label_spaces.main()
    text = (tmp_path / "table.md").read_text()
    rows = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| ")]
    assert rows == [
        *("| method", "| ---", "| source", "| source, then PADA + Entropy"),
        *("| method", "| ---", "| source, threshold 0.5", "| source, best threshold", "| OSBP"),
    ]
    monkeypatch.setattr(label_spaces, "run", None)
    label_spaces.main()
    assert (tmp_path / "table.md").read_text() == text


def test_the_halves_are_named_anew():
    source, target = (np.arange(10), np.arange(10)), (np.arange(10), np.arange(10))
    (kept, labels), (_, others), classes = label_spaces.opened(source, target, (5, 6, 7, 8, 9))
    assert (kept.tolist(), labels.tolist(), classes) == ([5, 6, 7, 8, 9], [0, 1, 2, 3, 4], 5)
    assert others.tolist() == [5, 5, 5, 5, 5, 0, 1, 2, 3, 4]
    whole, (_, there), classes = label_spaces.partial(source, target, (5, 6, 7, 8, 9))
    assert whole is source and there.tolist() == [5, 6, 7, 8, 9] and classes == 10


def test_the_open_set_is_scored_by_classes_and_their_harmonic_mean():
    labels = np.array([0, 0, 0, 1, 2, 3, 4, 5, 5, 5, 5])
    answers = np.array([0, 0, 5, 1, 5, 3, 4, 5, 5, 5, 0])
    known, unknown, harmonic = label_spaces.open_scores(answers, labels)
    assert (known, unknown) == (pytest.approx((2 / 3 + 1 + 0 + 1 + 1) / 5), 0.75)
    assert harmonic == pytest.approx(2 * known * unknown / (known + unknown))
    assert label_spaces.open_scores(np.full(11, 5), labels) == [0.0, 1.0, 0.0]


def test_the_best_threshold_is_no_worse_than_a_fixed_one():
    random = np.random.default_rng(0)
    probabilities, labels = random.dirichlet(np.ones(5), 200), random.integers(0, 6, 200)
    rows = label_spaces.rows_of("open", "source", probabilities, labels)
    assert rows["source, best threshold"][2] >= rows["source, threshold 0.5"][2] - 0.01
