import json
import subprocess
import sys

import keras
import numpy as np
import pytest

import tlkeras
from tlkeras.backbones import from_texts
from tlkeras.surgery import classifier, split

pytest.importorskip("tensorflow")
TEXTS = ["A good book, really!", "Not so good.", "it's bad; bad", "Überall gut"]


def test_words_are_numbered_by_frequency_and_cut_to_length():
    backbone = from_texts(TEXTS, width=8, length=4)
    words = backbone.get_layer("tokens").get_vocabulary()
    assert words[:2] == ["", "[UNK]"] and set(words[2:4]) == {"bad", "good"} and "Überall" in words
    ids, _ = split(classifier(backbone, 2), "tokens")
    found = ids.predict(np.array(["GOOD, films: good good good good", "..."], object), verbose=0)
    good = words.index("good")
    assert found.tolist() == [[good, 1, good, good], [0, 0, 0, 0]]
    assert from_texts(TEXTS, words=4).get_layer("tokens").get_vocabulary() == words[:4]


@pytest.mark.parametrize("kind", ["bag", "transformer"])
def test_what_is_above_the_tokens_gives_the_answers_of_the_whole(kind):
    backbone = from_texts(TEXTS, kind, width=32, length=5)
    whole = classifier(backbone, 2, bottleneck=4)
    below, above = split(whole, "tokens")
    texts = np.array([*TEXTS, "...", ""], object)
    expected = whole.predict(texts, verbose=0)
    assert np.isfinite(expected).all() and backbone.width == 32 and backbone.input_size is None
    np.testing.assert_allclose(above.predict(below.predict(texts, verbose=0), verbose=0), expected, atol=1e-6)


def test_the_order_of_words_matters_to_the_transformer_alone_and_padding_to_neither():
    texts = np.array(["good bad", "bad good"], object)
    features = {}
    for kind in ("bag", "transformer"):
        for length in (2, 5):
            keras.utils.set_random_seed(0)
            backbone = from_texts(TEXTS, kind, width=32, length=length)
            if kind == "transformer":  # the positions of the shorter, so that only the padding differs
                table = np.random.default_rng(0).normal(size=(5, 32))[:length]
                backbone.get_layer("positions").set_weights([table])
            features[kind, length] = backbone.predict(texts, verbose=0)
    for kind, moved in (("bag", False), ("transformer", True)):
        first, second = features[kind, 2]
        assert (np.abs(first - second).max() > 1e-3) == moved
        np.testing.assert_allclose(features[kind, 5], features[kind, 2], atol=1e-5)


def test_the_vocabulary_is_in_the_file(tmp_path):
    texts = [*TEXTS, "e\u2028f c\x85d a\x1cb"]  # line separators that are no spaces: Keras' own file would split them
    model = classifier(from_texts(texts, width=8, length=6), 2)
    model.save(tmp_path / "m.keras")
    asked = [*texts, "unknown words", ""]
    code = (
        "import json, sys, numpy as np, tlkeras; model = tlkeras.load('m.keras');"
        "x = np.array(json.loads(sys.argv[1]), object); print(json.dumps(model.predict(x, verbose=0).tolist()))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, json.dumps(asked)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    np.testing.assert_allclose(found, model.predict(np.array(asked, object), verbose=0), atol=1e-6)
    assert tlkeras.load(tmp_path / "m.keras").layers[1].get_vocabulary() == model.layers[1].get_vocabulary()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"texts": []}, r"`texts` must be a list or an array of strings.*shape=\(0,\)"),
        ({"texts": [1, 2]}, "`texts` must be .* of strings.*dtype=int64"),
        ({"texts": [["a"], ["b"]]}, r"strings \(rows,\).*shape=\(2, 1\)"),
        ({"texts": ["...", " "]}, "must hold words. Received: 2 texts"),
        ({"kind": "lstm"}, "`kind` must be one of bag, transformer. Received: kind='lstm'"),
        ({"words": 2}, "`words` must be an integer >= 3"),
        ({"length": 0}, "`length` must be an integer >= 1. Received: length=0"),
        ({"width": 1.5}, "`width` must be an integer"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        from_texts(**{"texts": TEXTS, **arguments})


def test_a_text_of_a_million_characters():
    backbone = from_texts(["good " * 200_000, "bad"], width=4, length=8)
    assert backbone.predict(np.array(["bad " * 250_000], object), verbose=0).shape == (1, 4)
