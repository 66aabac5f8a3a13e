import sys

import numpy as np
import pytest

from recipes.benchmarks import composition
from recipes.benchmarks.suites import Domains, Suite, _head


@pytest.fixture
def short(monkeypatch):
    """Two domains of three classes, the target shifted, and two heads of few steps."""

    def load(folder, source, target):
        random = np.random.default_rng(0)
        labels = np.arange(150) % 3
        xs, xt = (np.eye(3)[labels] * 3 + random.normal(0, 0.7, (150, 3)) + shift for shift in (0, [1.0, 0, 0]))
        return Domains((xs, labels), xt, (xt, labels), lambda bottleneck: _head(3, 3, bottleneck))

    suite = Suite(pairs=(("photo", "cartoon"),), load=load, steps=160, epochs=1, note="")
    monkeypatch.setitem(composition.SUITES, "pacs", suite)
    monkeypatch.setattr(composition, "HEADS", 2)


def call(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["composition.py", "--data", "", "--seeds", "1", "--out", str(tmp_path)])
    composition.main()
    return (tmp_path / "composition.md").read_text()


def test_every_stage_is_scored_and_what_is_there_is_not_run_again(short, monkeypatch, tmp_path):
    text = call(monkeypatch, tmp_path)
    rows = {line.split(" | ")[0][2:]: line.split(" | ") for line in text.splitlines() if line.startswith("| ")}
    assert [*rows][2:] == ["one head", "mean of the heads", "label propagation", "a head taught by that"]
    assert "2 heads by mcc" in text
    monkeypatch.setattr(composition, "run", None)
    assert call(monkeypatch, tmp_path) == text


def test_the_target_comes_with_the_labels_of_its_rows(short):
    domains = composition.SUITES["pacs"].load("", "photo", "cartoon")
    soft = np.random.default_rng(0).dirichlet(np.ones(3), 150)
    views, labels = next(iter(composition.batches_with(soft, domains, composition.composed(["mcc"]), 0, 2)))
    at = [int(np.abs(domains.target - row).sum(axis=1).argmin()) for row in np.asarray(views["target"])]
    assert np.allclose(soft[at], labels["target"], atol=1e-6)
    assert np.asarray(labels["source"]).shape == (36, 3)
