import json
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from recipes import tag_entities
from recipes.common import compare_report, tagging
from recipes.common.harness import run_recipe
from recipes.common.tag_corpus import KINDS, TAGS, chat, news
from recipes.common.tag_flags import Flags
from recipes.common.tag_task import TagTask
from recipes.common.tag_tokens import numbers_of, shape_of
from tests.recipes.processes import ROOT

SMALL = ("--n-source", 64, "--n-target", 64, "--n-test", 40, "--batch-size", 16, "--steps", 40, "--epochs", 2)


@pytest.fixture
def recipe(monkeypatch):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["tag_entities.py", *map(str, arguments)])
        return run_recipe("tag_entities", "Names.", tag_entities.Flags, tag_entities.run, compare_report.summarize)

    return call


def test_the_corpus_is_a_function_of_the_seed_and_its_tags_are_whole():
    for make in (news, chat):
        corpus = make(300, 3)
        assert corpus == make(300, 3) != make(300, 4)
        for words, tags in zip(*corpus, strict=True):
            assert len(words) == len(tags) and set(tags) <= set(TAGS)
            assert all(tags[i - 1][2:] == tag[2:] for i, tag in enumerate(tags) if tag.startswith("I-"))
        assert {tag[2:] for tags in corpus.tags for tag in tags} - {""} == set(KINDS)


def test_the_domains_differ_in_letters_phrases_and_half_of_the_names():
    source, target = news(2000, 0), chat(2000, 0)
    assert all(word.islower() or not word.isalpha() for words in target.tokens for word in words)
    names = [
        {word.lower() for words, tags in zip(*corpus, strict=True)
         for word, tag in zip(words, tags, strict=True) if tag != "O"}
        for corpus in (source, target)
    ]  # fmt: skip
    assert 0.3 < len(names[0] & names[1]) / len(names[1]) < 0.7
    assert all(word[0].isupper() for words, tags in zip(*source, strict=True)
               for word, tag in zip(words, tags, strict=True) if tag != "O")  # fmt: skip


def test_numbers_of_words_by_hand():
    tokens = {"words": ["", "[UNK]", "in", "oslo"], "length": 4, "tags": []}
    assert numbers_of(["In", "OSLO", "!"], tokens) == [[2, 2], [3, 3], [1, 5], [0, 0]]
    assert numbers_of(["oslo"] * 6, tokens) == [[3, 1]] * 4 and numbers_of([], tokens) == [[0, 0]] * 4
    assert [shape_of(word) for word in ("a", "A", "Ab", "AB", "4th", "-", "o'clock")] == [1, 2, 2, 3, 4, 5, 5]


def test_a_run_writes_a_file_that_tags_sentences_with_what_lies_beside_it(recipe, tmp_path, capsys):
    out = tmp_path / "run"
    [metrics] = recipe(*SMALL, "--out", out)
    assert metrics == json.loads((out / "metrics.json").read_text())
    assert metrics["measure"] == "span_f1" and list(metrics["rows"]) == ["source only", "coral_means"]
    for row in metrics["rows"].values():
        assert {"target_span_f1_last", "target_span_f1_selected", "target_span_f1_oracle"} <= set(row)
        assert 0 <= row["target_token_accuracy_last"] <= 1 and set(row["predicted"]) == set(TAGS)
    assert metrics["export"]["agreement"] == 1 and metrics["export"]["bytes"] < 300_000
    assert "Sentences of chat" in (out / "report.html").read_text()
    sentence = "anna is in new york"
    printed = subprocess.run(
        [sys.executable, out / "tag_tokens.py", sentence], check=True, capture_output=True, text=True
    ).stdout
    ids = np.array([json.loads(printed)], "int32")
    interpreter = Interpreter(str(pathlib.Path(metrics["export"]["path"])))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], ids)
    interpreter.invoke()
    logits = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    model = keras.models.load_model(out / "model.keras")
    np.testing.assert_allclose(logits, model.predict(ids, verbose=0), atol=1e-4)
    assert (logits[0, :5] != 0).any(axis=-1).all() and not logits[0, 5:].any()
    assert json.loads((out / "tokens.json").read_text())["tags"] == list(TAGS)


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("--method", "mcc"), "the others read one class a row"),
        (("--int8",), "numbers of words are none"),
        (("--n-test", 0), "`--n-test` must be at least 1"),
        (("--bottleneck", 8), "a head for words has no bottleneck"),
        (("--n-target", 20, "--batch-size", 32), "at least one batch of sentences"),
    ],
)
def test_wrong_flags_are_one_line(recipe, tmp_path, arguments, said):
    with pytest.raises(SystemExit, match=said):
        recipe(*arguments, "--out", tmp_path / "run")


def test_the_figures_of_tagging_by_hand():
    labels = np.array([[1, 2, 0, -1], [0, 0, 3, -1]])
    logits = np.eye(7)[[[1, 2, 3, 0], [0, 0, 5, 0]]] * (labels >= 0)[..., None]
    assert tagging.span_f1(logits, labels) == pytest.approx(2 * 1 / (3 + 2))
    assert tagging.token_accuracy(logits, labels) == pytest.approx(4 / 6)
    assert tagging.predicted_tags(logits, TAGS)["predicted"] == dict(zip(TAGS, [2, 1, 1, 1, 0, 1, 0], strict=True))
    np.testing.assert_allclose(tagging.shares(labels), np.array([3, 1, 1, 1, 0, 0, 0]) / 6)


def test_sentences_that_are_cut_off_are_told():
    with pytest.warns(UserWarning, match="more than length=6 words"):
        TagTask(Flags(n_source=50, n_target=50, n_test=50, length=6), 0)


@pytest.mark.exhaustive
def test_aligned_with_chat_more_names_are_found(tmp_path):
    command = [sys.executable, ROOT / "recipes" / "tag_entities.py", "--out", tmp_path / "run", "--seed", "1",
               "--steps", "500", "--epochs", "2"]  # fmt: skip
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    before, after = (metrics[row]["target_span_f1_last"] for row in ("source_only", "adapted"))
    assert after > before + 0.1
