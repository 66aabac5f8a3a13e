import sys

import keras
import numpy as np
import pytest

from recipes.benchmarks import source_free
from recipes.benchmarks.suites import Domains, Suite, _head


@pytest.fixture
def suite(monkeypatch):
    """A suite of two domains of three classes, the target shifted; returns the list of sources that it gave away."""
    sources = []

    def load(folder, source, target):
        random = np.random.default_rng(0)
        labels = np.arange(150) % 3
        xs, xt = (np.eye(3)[labels] * 3 + random.normal(0, 0.7, (150, 3)) + shift for shift in (0, [2.0, 0, 0]))
        sources.append(xs)
        return Domains((xs, labels), xt, (xt, labels), lambda bottleneck: _head(3, 3, bottleneck))

    short = Suite(pairs=(("photo", "cartoon"),), load=load, steps=60, epochs=2, note="")
    monkeypatch.setitem(source_free.SUITES, "pacs", short)
    monkeypatch.setattr(source_free, "EPOCHS", 2)
    return sources


def call(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["source_free.py", "--data", "", "--seeds", "1", "--out", str(tmp_path)])
    source_free.main()
    return (tmp_path / "source_free.md").read_text()


def test_the_table_holds_every_row_and_goes_on(suite, monkeypatch, tmp_path):
    text = call(monkeypatch, tmp_path)
    rows = {line.split(" | ")[0][2:]: line.split(" | ") for line in text.splitlines() if line.startswith("| ")}
    assert [*rows][2:] == ["source only", "AdaBN", "Tent", "Tent, prior", "SHOT"]
    assert len(list(tmp_path.glob("*.json"))) == 1
    assert float(rows["AdaBN"][3]) > float(rows["source only"][3]) and rows["source only"][2] == "+0.0"

    def fail(*arguments):
        raise AssertionError("what is there must not run again")

    monkeypatch.setattr(source_free, "run", fail)
    assert call(monkeypatch, tmp_path) == text


def test_the_source_data_are_gone_before_anything_adapts(suite, monkeypatch, tmp_path):
    def answer(model, target, seed):
        assert np.isnan(suite[0]).all()
        return np.eye(3)[np.zeros(len(target), int)]

    monkeypatch.setattr(source_free, "ROWS", {"source only": answer})
    found = source_free.run(source_free.SUITES["pacs"], ("photo", "cartoon"), 0, tmp_path)
    assert found["source only"]["accuracy"] == pytest.approx(1 / 3) and found["source only"]["largest_class"] == 1


def test_the_source_of_shot_alone_has_smoothed_labels(suite, monkeypatch, tmp_path):
    """Smoothed labels leave the model less sure of the source than plain ones do."""
    sure = {}

    def answer(name):
        def record(model, target, seed):
            logits = model.predict(source, verbose=0)
            sure[name] = keras.ops.convert_to_numpy(keras.ops.softmax(logits)).max(axis=1).mean()
            return logits

        return record

    source = source_free.SUITES["pacs"].load(tmp_path, "photo", "cartoon").source[0]
    rows = {"source only": answer("plain"), "SHOT": answer("smoothed")}
    monkeypatch.setattr(source_free, "ROWS", rows)
    monkeypatch.setattr(source_free, "shot", rows["SHOT"])
    source_free.run(source_free.SUITES["pacs"], ("photo", "cartoon"), 0, tmp_path)
    assert sure["smoothed"] < sure["plain"] - 0.02


def test_the_stream_answers_each_row_once_and_in_place(suite, tmp_path):
    domains = source_free.SUITES["pacs"].load(tmp_path, "photo", "cartoon")
    model = domains.model(8)
    model.layers[-1].set_weights([np.zeros((8, 3)), np.arange(3.0)])
    logits = source_free.tent(model, domains.target, 0)
    np.testing.assert_allclose(logits, np.tile(np.arange(3.0), (150, 1)), atol=1e-6)
