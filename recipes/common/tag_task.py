"""Names in news with tags, names in chat without: the task of `recipes/tag_entities.py`."""

import json
import shutil

import keras
import numpy as np

from recipes.common import tag_tokens
from recipes.common.tag_corpus import TAGS, chat, news
from recipes.common.tag_tokens import numbers_of
from recipes.common.tagging import TAGGING
from recipes.common.task import Rows, Task
from tlkeras import data, surgery

SHAPES = 6
WIDTH = 64


class TagTask(Task):
    """Sentences that are made once, as numbers of words: nothing is frozen, so that all of the network trains.

    The vocabulary is that of source and target together; no tag of the target is read for it.

    Args:
        flags: `recipes.common.tag_flags.Flags`.
        seed: Seed of the sentences.
    """

    problem = TAGGING
    unit = "sentences"
    names = TAGS
    backbone_rate = 1.0
    value_range = None

    def __init__(self, flags, seed):
        source, self.target = news(flags.n_source, seed), chat(flags.n_target, seed)
        self.test = chat(flags.n_test, seed + 1_000_000)
        words = {word.lower() for corpus in (source, self.target) for words in corpus.tokens for word in words}
        self.tokens = {"words": ["", "[UNK]", *sorted(words)], "length": flags.length, "tags": list(TAGS)}
        self.rows = Rows(*(self.numbers(corpus.tokens) for corpus in (source, self.target, self.test)))
        self.source_labels, self.test_labels = (
            data.tag_labels(*corpus, TAGS, length=flags.length) for corpus in (source, self.test)
        )
        self.target_count = flags.n_target

    def numbers(self, sentences) -> np.ndarray:
        """Returns int32 `(sentences, length, 2)` of lists of words."""
        return np.array([numbers_of(words, self.tokens) for words in sentences], "int32")

    def whole(self, flags, way):
        """Returns a new network on the numbers of words."""
        ids = keras.Input((flags.length, 2), dtype="int32", name="ids")
        words = keras.layers.Embedding(len(self.tokens["words"]), 48, name="words")(ids[..., 0])
        shapes = keras.layers.Embedding(SHAPES, WIDTH - 48, name="shapes")(ids[..., 1])
        x = keras.layers.Concatenate(name="embedded")([words, shapes])
        x = keras.layers.Dropout(0.3, name="embedded_dropout")(x)
        for block in (1, 2):
            y = keras.layers.Conv1D(WIDTH, 3, padding="same", activation="relu", name=f"block_{block}_conv")(x)
            x = keras.layers.Add(name=f"block_{block}_sum")([x, y])
        x = keras.layers.LayerNormalization(name="encoded")(x)
        return surgery.token_classifier(keras.Model(ids, x), len(TAGS), dropout=flags.dropout)

    def cut(self, model, flags):
        """Returns all of the model, and the numbers."""
        return model, self.rows

    def target_inputs(self, indices):
        """Returns the numbers of some target sentences."""
        return self.rows.target[indices]

    def on_device(self, model, folder):
        """Returns the model; the vocabulary and a program that makes the numbers are written beside its files."""
        (folder / "tokens.json").write_text(json.dumps(self.tokens, ensure_ascii=False), encoding="utf-8")
        shutil.copyfile(tag_tokens.__file__, folder / "tag_tokens.py")
        return model, lambda inputs: inputs
