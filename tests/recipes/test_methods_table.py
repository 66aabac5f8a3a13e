import dataclasses
import gzip
import json
import sys

import numpy as np
import pytest
from sklearn.datasets import dump_svmlight_file

from recipes.benchmarks import methods, suites
from recipes.common.ways import WAYS, composed


@pytest.fixture
def features(tmp_path):
    random = np.random.default_rng(0)
    for shift, name in enumerate(suites.PACS):
        labels = np.arange(80) % 7
        rows = np.eye(7)[labels] * 3 + random.normal(0.2 * shift, 0.3, (80, 7))
        np.savez(tmp_path / f"{name}.npz", features=rows.astype("float32"), labels=labels)
    return tmp_path


@pytest.fixture
def table(monkeypatch, features, tmp_path):
    short = dataclasses.replace(suites.SUITES["pacs"], steps=4, epochs=2, pairs=(("photo", "cartoon"),))
    monkeypatch.setitem(suites.SUITES, "pacs", short)

    def call(*flags):
        folders = ["--data", str(features), "--out", str(tmp_path / "runs")]
        monkeypatch.setattr(sys, "argv", ["methods.py", "pacs", *folders, *flags])
        methods.main()
        return (tmp_path / "runs" / "RESULTS.md").read_text()

    return call


def test_the_table_shows_last_selected_and_oracle_and_goes_on(table, tmp_path, monkeypatch):
    text = table("--methods", "source,mcc+coral", "--seeds", "2")
    assert "| method | last | selected | oracle | P>C | seeds | seconds |" in text and "| mcc+coral |" in text
    runs = sorted((tmp_path / "runs").rglob("*.json"))
    assert len(runs) == 4
    found = json.loads(runs[0].read_text())
    assert (found["method"], found["source"], found["seed"]) == ("mcc+coral", "photo", 0) and found["commit"]
    assert found["target_accuracy_oracle"] >= found["target_accuracy_last"]

    def fail(*arguments):
        raise AssertionError("what is there must not run again")

    monkeypatch.setattr(methods, "run", fail)
    assert table("--methods", "source,mcc+coral", "--seeds", "2") == text


def test_the_selection_is_the_best_score_without_labels(table, tmp_path):
    table("--methods", "source,mcc", "--seeds", "1", "--selection", str(tmp_path / "selection.json"))
    written = json.loads((tmp_path / "selection.json").read_text())
    assert written["selected"] == max(written["scores"], key=written["scores"].get) and len(written["scores"]) == 2


def test_a_suite_with_a_curve_shows_the_accuracy_against_the_steps(table, monkeypatch):
    monkeypatch.setitem(suites.SUITES, "pacs", dataclasses.replace(suites.SUITES["pacs"], curve=True))
    assert "| steps | 2 | 4 |" in table("--methods", "source", "--seeds", "1")


def test_reviews_become_rows_of_length_one(tmp_path):
    for name in ("books_train", "dvd_train", "dvd_test"):
        rows = np.zeros((6, 5000))
        rows[:, :3] = [[1, 0, 3], [0, 2, 0], [4, 0, 1]] * 2
        dump_svmlight_file(rows, [-1, 1, 1] * 2, str(tmp_path / f"{name}.svmlight"))
        with gzip.open(tmp_path / f"{name}.svmlight.gz", "wb") as file:
            file.write((tmp_path / f"{name}.svmlight").read_bytes())
    domains = suites.reviews(tmp_path, "books", "dvd")
    expected = np.log([2, 4]) / np.hypot(*np.log([2, 4]))
    np.testing.assert_allclose(domains.source[0][0, [0, 2]], expected, rtol=1e-6)
    assert domains.source[1].tolist() == [0, 1, 1] * 2 and domains.model(4).output_shape == (None, 2)


def test_a_row_without_all_its_pairs_is_not_shown(table, tmp_path, monkeypatch):
    table("--methods", "source", "--seeds", "1")
    both = dataclasses.replace(suites.SUITES["pacs"], pairs=(("photo", "cartoon"), ("cartoon", "photo")))
    monkeypatch.setitem(suites.SUITES, "pacs", both)
    assert "| source |" not in table("--methods", "mcc", "--seeds", "1")


def test_a_name_that_is_no_method_ends_in_one_line(table):
    with pytest.raises(SystemExit, match=r"`--methods`: Methods must be some of source, .*Received: magic"):
        table("--methods", "mcc,magic")


def test_every_way_makes_its_terms():
    for name in WAYS:
        assert len(composed([name]).terms()) == (0 if name == "source" else 1)


def test_a_composition_has_the_terms_of_all_and_the_settings_of_the_first():
    way = composed(["mcc", "cdan"])
    assert [type(term).__name__ for term in way.terms()] == ["MCC", "CDAN"]
    assert (way.rate, way.batch_size) == (WAYS["mcc"].rate, WAYS["mcc"].batch_size)
    with pytest.raises(ValueError, match="each once"):
        composed(["mcc", "mcc"])
