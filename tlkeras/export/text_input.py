"""A model that reads texts, cut where its numbers begin: LiteRT takes those, and the device makes them."""

import dataclasses
import json
import shutil
from pathlib import Path

import keras
import numpy as np

from tlkeras.backbones.graph import cuts_of, nodes_of
from tlkeras.data.texts import text_array
from tlkeras.export import tokenize_text
from tlkeras.surgery.split import split

TOKENS, PROGRAM = "tokens.json", "tokenize_text.py"
_PLAIN = {"standardize": "lower_and_strip_punctuation", "split": "whitespace", "ngrams": None, "output_mode": "int"}
MADE_UP = 64


@dataclasses.dataclass(frozen=True)
class TextInput:
    """The two parts of a model that reads texts.

    Attributes:
        below: From texts `(rows,)` to numbers.
        above: From those to the answers: what a LiteRT file holds.
        begins_at: Name of the layer between them.
        tokens: `{"words", "length"}` where `tokenize` makes the numbers, else None.
    """

    below: keras.Model
    above: keras.Model
    begins_at: str
    tokens: dict | None

    def checked(self, samples) -> np.ndarray:
        """Returns samples as an array of texts `(rows,)`.

        Raises:
            ValueError: If they are no texts, or fewer than two.
        """
        texts = text_array(samples, "samples")
        if texts.dtype.kind not in "OUS" or texts.ndim != 1 or len(texts) < 2:
            raise ValueError(
                "`samples` must be texts, at least two, for a model that reads texts. "
                f"Received: dtype={texts.dtype}, shape={texts.shape}"
            )
        return texts.astype(object)

    def check_above(self) -> None:
        """Raises a ValueError where nothing is left for a file that takes numbers."""
        if len(self.above.layers) == 1:  # the input alone
            raise ValueError(
                "`model` must take numbers: LiteRT builtins cannot read text, and above the layer that makes numbers "
                f"of it there is nothing. Received: {self.above.name!r}, {self.begins_at!r} is the last layer"
            )

    def made_up(self) -> np.ndarray | None:
        """Returns texts of random words of the vocabulary, or None where that is not known."""
        if self.tokens is None:
            return None
        draw = np.random.default_rng(0)
        words = np.array(self.tokens["words"][2:], object)
        counts = draw.integers(1, self.tokens["length"] + 1, MADE_UP)
        return np.array([" ".join(draw.choice(words, count)) for count in counts], object)

    def numbers(self, texts) -> np.ndarray:
        """Returns what `above` takes for texts."""
        return self.below.predict(texts, verbose=0)

    @property
    def names(self) -> list:
        """Names of the files that `write` writes."""
        return [] if self.tokens is None else [TOKENS, PROGRAM]

    def write(self, directory) -> None:
        """Writes the vocabulary, and a program of the standard library that makes the numbers of a text with it."""
        if self.tokens is not None:
            content = json.dumps(self.tokens, ensure_ascii=False)
            Path(directory, TOKENS).write_text(content, encoding="utf-8")
            shutil.copyfile(tokenize_text.__file__, Path(directory, PROGRAM))


def text_input(model) -> TextInput | None:
    """Cuts a model whose input is texts at the first numbers that all the rest depends on.

    That is the layer `tokens` of `tlkeras.backbones.from_texts`. A text embedding from a hub is one layer, words and
    vectors: there the rest begins at the vector, and the embedding is not a part of it.

    Args:
        model: `keras.Model`.

    Returns:
        `TextInput`, or None for a model that does not read texts alone.

    Raises:
        ValueError: If nothing in the model separates texts from numbers.

    Example:
        >>> backbone = tlkeras.backbones.from_texts(["a good book", "not so good"], width=8)
        >>> cut = text_input(tlkeras.surgery.classifier(backbone, 2))
        >>> cut.begins_at, cut.above.input_shape, cut.names
        ('tokens', (None, 256), ['tokens.json', 'tokenize_text.py'])
    """
    inputs = getattr(model, "inputs", None) or ()
    if len(inputs) != 1 or inputs[0].dtype != "string":
        return None
    if isinstance(model, keras.Sequential):  # one that was loaded has no `input`
        model = keras.Model(inputs[0], model.outputs[0], name=model.name)
    nodes = nodes_of(model)
    places = [index for index, tensor in sorted(cuts_of(nodes).items()) if tensor.dtype != "string"]
    if not places:
        raise ValueError(
            "`model` must have a layer that makes numbers of its texts, and everything above it no other input. "
            f"Received: {model.name!r} with the layers {[layer.name for layer in model.layers]}"
        )
    layer = nodes[places[0]].operation
    return TextInput(*split(model, layer.name), layer.name, _tokens_of(layer))


def _tokens_of(layer):
    """Returns what `tokenize` needs to do what the layer does, or None where it does something else."""
    if not isinstance(layer, keras.layers.TextVectorization):
        return None
    config = layer.get_config()
    plain = all(config[name] == value for name, value in _PLAIN.items()) and not config["ragged"]
    if not plain or config["output_sequence_length"] is None:
        return None
    return {"words": [str(word) for word in layer.get_vocabulary()], "length": config["output_sequence_length"]}
