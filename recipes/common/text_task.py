"""Two files of texts and a classifier of them: the task of `recipes/sentiment.py`."""

import keras
import numpy as np

from recipes.common.adaptation import head
from recipes.common.made_reviews import made_reviews
from recipes.common.task import Rows, Task
from recipes.common.text_flags import OWN
from tlkeras.backbones import Backbone, from_handle, from_texts
from tlkeras.backbones.text import TOKENS
from tlkeras.data import text_file
from tlkeras.export.text_input import text_input
from tlkeras.surgery import split

MADE = 1000  # reviews of each domain, where no file is given


class TextTask(Task):
    """Texts that are read once. A text embedding from a hub trains as a whole, or is frozen and its vectors run once.

    Args:
        flags: `recipes.common.text_flags.Flags`.
        seed: Seed of the made-up reviews.

    Raises:
        ValueError: If the files or the backbone do not fit.
    """

    unit = "texts"
    backbone_rate = 1.0  # words are rare: a tenth of Adam's rate would hardly move them
    value_range = None

    def __init__(self, flags, seed=0):
        self.source, self.target, self.test = _read(flags, seed)
        if len(self.source.class_names) < 2:
            raise ValueError(f"There must be at least two classes. Received: {self.source.counts}")
        self.names, self.source_labels = self.source.class_names, self.source.labels
        self.target_count = len(self.target)
        self.test_labels = None if self.test is None else self.test.labels
        self.frozen, self.rows = None, {}
        self.fingerprint = self.backbone(flags).fingerprint  # and sees now that there is one

    def backbone(self, flags):
        """Returns a backbone of texts; a text's vector is scaled to mean 0 and deviation 1, however long the text."""
        if flags.backbone in OWN:
            texts = np.concatenate([self.source.texts, self.target.texts])
            made = from_texts(texts, flags.backbone, words=flags.words, length=flags.length, width=flags.width)
        else:
            try:
                made = from_handle(flags.backbone, not flags.freeze)
            except ValueError as error:
                raise ValueError(str(error).replace("`trainable` must be False", "`--freeze` is needed")) from error
        if made.input.dtype != "string":
            raise ValueError(f"`--backbone` must take texts. Received: {flags.backbone}, {made.input.dtype}")
        last = made.get_layer("features")
        scaled = keras.layers.LayerNormalization(center=False, scale=False, name="scaled")(last.input)
        return Backbone(made.input, type(last).from_config(last.get_config())(scaled), name="texts")

    def whole(self, flags, way):
        """Returns a new model from texts to logits."""
        return head(self.backbone(flags), len(self.names), way.bottleneck, flags.dropout)

    def cut(self, model, flags):
        """Returns the part above the tokens, above a frozen embedding, or all of a hub model that trains."""
        layer = TOKENS if flags.backbone in OWN else "features" if flags.freeze else None
        if layer is None:
            return model, Rows(*(None if rows is None else rows.texts for rows in self._files()))
        below, part = split(model, layer)
        if layer not in self.rows:
            self.rows[layer] = Rows(
                *(None if rows is None else below.predict(rows.texts, batch_size=512, verbose=0)
                  for rows in self._files())
            )  # fmt: skip
        return part, self.rows[layer]

    def target_inputs(self, indices):
        """Returns some target texts."""
        return self.target.texts[indices]

    def on_device(self, model, folder):
        """Returns what takes numbers; the vocabulary and the program that makes them stand beside it."""
        text = text_input(model)
        text.write(folder)
        return text.above, text.numbers

    def _files(self):
        return self.source, self.target, self.test


def _read(flags, seed):
    if not flags.source:
        made = [made_reviews(domain, MADE, seed) for domain in ("books", "kitchen", "kitchen")]
        print("made-up reviews: of books with labels, of kitchenware without; --source FILE --target FILE for yours")
        return made
    look = {"encoding": flags.encoding, "skip_empty": flags.skip_empty}
    try:
        source = text_file(flags.source, flags.columns, flags.label, **look)
        target = text_file(flags.target, flags.columns, None, **look)
        known = {"class_names": source.class_names, **look}
        test = text_file(flags.test, flags.columns, flags.label, **known) if flags.test else None
    except ValueError as error:
        message = str(error).replace("`skip_empty=True`", "`--skip-empty`")
        for argument in ("encoding", "text", "label"):
            message = message.replace(f"`{argument}`", f"`--{argument}`")
        raise ValueError(message) from error
    for name, rows in (("source", source), ("target", target), ("test", test)):
        if rows is not None:
            classes = ", ".join(f"{key} {count}" for key, count in rows.counts.items())
            skipped = f", {len(rows.skipped)} without a text left out" if rows.skipped else ""
            print(f"{len(rows)} {name} texts{': ' if classes else ''}{classes}{skipped}")
    return source, target, test
