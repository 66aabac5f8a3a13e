import json
import sys

import keras
import numpy as np
import pytest

import tlkeras
from recipes import sentiment
from recipes.benchmarks import sentiment_pairs
from recipes.common import compare_report
from recipes.common.adaptation import compiled
from recipes.common.harness import run_recipe
from recipes.common.made_reviews import CLASSES, made_reviews
from tests.layers.hub_models import data, hub_data, save_text
from tests.recipes.processes import ROOT
from tlkeras.export import run_litert
from tlkeras.export.tokenize_text import tokenize

pytest.importorskip("tensorflow")
ENOUGH = b"text,label\n" + b"Good.,1\nBad.,0\n" * 40
FAST = ("--steps", 80, "--epochs", 2, "--width", 16, "--length", 20, "--bottleneck", 8)


@pytest.fixture
def recipe(monkeypatch):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["sentiment.py", *map(str, arguments)])
        return run_recipe("sentiment", "Sentiment.", sentiment.Flags, sentiment.run, compare_report.summarize)

    return call


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A labelled source, an unlabelled target and its labelled rows, each of another kind of file."""
    folder = tmp_path_factory.mktemp("reviews")
    for name, domain in (("books", "books"), ("kitchen", "kitchen")):
        reviews = made_reviews(domain, 80, 0)
        rows = [{"title": "So:", "text": text, "label": CLASSES[label]}
                for text, label in zip(reviews.texts, reviews.labels, strict=True)]  # fmt: skip
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def pair(files):
    target = files / "kitchen.jsonl"
    return ("--source", files / "books.jsonl", "--target", target, "--test", target)


@pytest.mark.slow
def test_a_run_without_files_writes_what_a_device_needs(recipe, tmp_path, capsys):
    out = tmp_path / "run"
    [metrics] = recipe(*FAST, "--out", out, "--critic-lr", 1e-4, "--classifier-lr", 1e-2, "--method", "mmd,dann")
    assert metrics == json.loads((out / "metrics.json").read_text())
    assert (metrics["recipe"], metrics["measure"], metrics["class_names"]) == ("sentiment", "accuracy", [*CLASSES])
    rows = metrics["rows"]
    assert list(rows) == ["source only", "mmd + dann"] and rows["source only"]["target_accuracy_last"] > 0.6
    assert metrics["adapted"] == rows["mmd + dann"] and metrics["adapted"]["target_f1_last"] > 0.6
    model, tokens = tlkeras.load(out / "model.keras"), json.loads((out / "tokens.json").read_text("utf-8"))
    texts = made_reviews("kitchen", 50, 3).texts
    numbers = np.array([tokenize(text, tokens) for text in texts])
    found = run_litert(out / "model_float32.tflite", numbers)
    np.testing.assert_allclose(found, model.predict(texts, verbose=0), atol=1e-4)
    page, printed = (out / "report.html").read_text(), capsys.readouterr().out
    assert "made-up reviews" in printed and "F1 of positive" in printed
    assert "Confusions: source only, then mmd + dann" in page and "least certain" in page
    assert not metrics["exports"] and (out / "saved_model").is_dir() and (out / "tokenize_text.py").exists()


@data
@pytest.mark.slow
@pytest.mark.parametrize(
    "freeze", [False, pytest.param(True, marks=pytest.mark.exhaustive)], ids=["trained", "frozen"]
)
def test_a_text_embedding_of_a_hub(recipe, files, tmp_path, freeze):
    hub = hub_data("glove_50d_text_embedding")
    flags = ("--backbone", hub, "--text", "title,text", "--smoke", "--out", tmp_path / "run", "--batch-size", 8)
    [metrics] = recipe(*pair(files), *flags, *(["--freeze", "--int8"] if freeze else []))
    assert metrics["n_source"] == metrics["n_target"] == 80 and "target_f1_last" in metrics["adapted"]
    written = [*metrics["exports"], metrics["export"]]
    assert [row["path"].rsplit("_", 1)[1] for row in written] == ["float32.tflite", "int8.tflite"][: 1 + freeze]
    assert not (tmp_path / "run" / "tokens.json").exists()


def test_an_embedding_that_cannot_train_says_so(recipe, files, tmp_path):
    hub = save_text(tmp_path / "hub", tmp_path / "v.txt")
    with pytest.raises(SystemExit, match="`--freeze` is needed for a SavedModel without `trainable_variables`"):
        recipe(*pair(files), "--backbone", hub, "--out", tmp_path / "run")


@pytest.mark.parametrize(
    ("name", "content", "flags", "message"),
    [
        ("a.csv", b"text,stars\nGood.,1\n", (), r"`--label` must be a column.*line 2 of .* columns .*'stars'"),
        ("a.csv", b"text,label\ncaf\xe9,1\n", (), "`--encoding` must be that of the file.*byte 0xe9 in line 2"),
        ("a.csv", b"text,label\n,1\n", (), "`--skip-empty` leaves out .*line 2"),
        ("a.csv", b"text,label\nGood.,1\nBad.,1\n", (), "at least two classes. Received: {'1': 2}"),
        ("a.csv", b"text,label\nGood.,1\nBad.,0\n", (), "`--source` must hold at least one batch of texts"),
        ("a.csv", ENOUGH, ("--words", 99), "one of `class_names`.*tive' in line 1"),
        ("a.csv", ENOUGH, ("--backbone", ROOT / "saved_models" / "glyphs"), "take texts"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line(recipe, files, tmp_path, name, content, flags, message):
    (tmp_path / name).write_bytes(content)
    kitchen = files / "kitchen.jsonl"
    test = ("--test", kitchen) if "--words" in flags else ()
    with pytest.raises(SystemExit, match=message):
        recipe("--source", tmp_path / name, "--target", kitchen, *test, *flags, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--source", "pyproject.toml"), "must both be given"),
        (("--source", "pyproject.toml", "--target", "nowhere"), "`--target` must be a file"),
        (("--test", "pyproject.toml"), "needs --source and --target"),
        (("--freeze",), "is for a pretrained embedding"),
        (("--int8",), "word numbers stay integers"),
        (("--critic-lr", -1), "must not be negative"),
        (("--method", "mnc"), "must be some of"),
        (("--text", "title,"), "names of columns"),
    ],
)
def test_flags_that_do_not_fit(recipe, tmp_path, flags, message):
    with pytest.raises(SystemExit, match=message):
        recipe(*flags, "--out", tmp_path / "run")


def test_the_critic_has_a_rate_of_its_own():
    flags = sentiment.Flags(method="dann", classifier_lr=1e-2, critic_lr=1e-4)
    inputs = keras.Input((4,), name="features")
    part = keras.Model(inputs, keras.layers.Dense(2, name="logits")(inputs))
    adapted = compiled(part, flags.way(["dann"]), backbone_rate=1.0, steps_per_execution=1)
    before = [np.asarray(weight) for weight in adapted.get_weights()]
    paths = [weight.path for weight in adapted.weights]
    rows = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    adapted.fit({"source": rows, "target": rows + 1}, {"source": np.arange(8) % 2}, batch_size=8, verbose=0)
    moved = {path: np.abs(np.asarray(after) - first).max() for path, first, after in
             zip(paths, before, adapted.get_weights(), strict=True)}  # fmt: skip
    critic = max(value for path, value in moved.items() if "critic" in path)
    assert 0.9e-4 < critic < 1.1e-4 and 0.9e-2 < moved["logits/kernel"] < 1.1e-2  # Adam's first step is its rate


def test_a_trial_of_a_search_is_scored(tmp_path):
    flags = sentiment.Flags(steps=20, epochs=2, width=8, length=10, bottleneck=8, smoke=True)
    result = sentiment.trials(flags, tmp_path, "information_maximization")(flags, 0)
    assert set(result) >= {"score", "epoch", "target_accuracy_last"}


def test_made_reviews_are_those_of_the_seed():
    first, again, other = (made_reviews("books", 20, seed) for seed in (0, 0, 1))
    assert first.texts.tolist() == again.texts.tolist() != other.texts.tolist()
    assert first.counts == {"negative": 10, "positive": 10}


def test_the_table_of_pairs_counts_and_gives_the_interval():
    runs = {("a", "b"): [{"source_only": 0.70, "adapted": 0.73, "trusted": True}],
            ("b", "a"): [{"source_only": 0.72, "adapted": 0.71, "trusted": False}]}  # fmt: skip
    rows, told = sentiment_pairs.table(runs)
    assert "| a to b | 70.0 | 73.0 | +3.0 | 1 of 1 |" in rows and "| mean | 71.0 | 72.0 | +1.0 | |" in rows
    # t of one degree of freedom: 12.706 times the standard error 2.
    assert told.endswith("in 1 of 2 pairs; mean gain +1.0 points, 95 % interval over the pairs -24.4 to +26.4")
