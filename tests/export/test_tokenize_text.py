import json
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.layers.hub_models import data, hub_data
from tlkeras.backbones import from_texts
from tlkeras.data import text_file
from tlkeras.export import tokenize_text
from tlkeras.export.text_input import text_input

pytest.importorskip("tensorflow")
KNOWN = [
    "It's a Good book!", "ünïcode «Wörter» é", "a\x1cb c\x85d e\u2028f", "x\x00y ٣ İ ß ſ K", "good,bad\tbad\n\x0bend"
]  # fmt: skip


@pytest.fixture(scope="module")
def layer():
    return from_texts(KNOWN, width=2, length=5).get_layer("tokens")


WORDS = st.lists(st.one_of(st.sampled_from(" ".join(KNOWN).split(" ")), st.text(max_size=4)), max_size=9)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.builds(str.join, st.sampled_from([" ", "", "\t", "\u00a0", "-"]), WORDS), min_size=1, max_size=20))
def test_any_text_gives_the_numbers_of_the_layer(layer, texts):
    found = [tokenize_text.tokenize(text, spec(layer)) for text in texts]
    assert found == np.asarray(layer(np.array(texts, object))).tolist()


def spec(layer):
    return {"words": [str(word) for word in layer.get_vocabulary()], "length": 5}


def test_it_runs_alone_without_anything_installed(tmp_path, layer):
    shutil.copy(tokenize_text.__file__, tmp_path)
    (tmp_path / "tokens.json").write_text(json.dumps(spec(layer)), encoding="utf-8")
    command = [sys.executable, "-I", "-S", tmp_path / "tokenize_text.py", "good BAD, film", "é"]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert found == np.asarray(layer(np.array(["good BAD, film", "é"], object))).tolist()


@data
def test_real_reviews_give_the_numbers_of_the_layer():
    reviews = text_file(hub_data("../text/amazon_reviews/dvd.jsonl.gz"), ("title", "text")).texts
    backbone = from_texts(reviews[:1000], width=2, length=200)
    cut = text_input(keras.Model(backbone.input, keras.layers.Dense(2)(backbone.output)))
    numbers = cut.numbers(reviews[1000:])
    assert sum(not text.isascii() for text in reviews[1000:]) > 5
    words = {word: number for number, word in enumerate(cut.tokens["words"])}
    assert len(words) == len(cut.tokens["words"]) == 10_000
    for text, expected in zip(reviews[1000:1200], numbers, strict=False):
        assert tokenize_text.tokenize(text, cut.tokens) == expected.tolist()
