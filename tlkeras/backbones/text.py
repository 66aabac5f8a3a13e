"""A backbone of texts that is made of the user's own, with nothing to download."""

import keras

from tlkeras.backbones.backbone import Backbone, vector
from tlkeras.data.texts import text_array
from tlkeras.layers.mean_token import MeanToken

TOKENS = "tokens"  # the layer at which such a model is cut: what is above takes numbers
KINDS = ("bag", "transformer")
BATCH = 512
HEAD = 32  # width of one head of the attention


def from_texts(texts, kind="bag", *, words=10_000, length=256, width=64, blocks=1) -> Backbone:
    """Makes an untrained encoder whose vocabulary is that of some texts: the more alike those it will see, the better.

    Take the texts of source and target together: no label is read. The layers are `text`, which takes strings;
    `tokens`, a `TextVectorization` that makes word numbers `(batch, length)` of them (0 is padding, 1 a word that is
    not in the vocabulary); then an embedding, and

    - `bag`: the mean of the embeddings of a text, in no order;
    - `transformer`: learned positions, `blocks` encoder blocks, the mean. It needs many more texts than a bag.

    The vocabulary is a part of the `.keras` file. Words are what stands between spaces, in small letters a-z, without
    ASCII punctuation; words beyond the first `length` are cut off.

    Args:
        texts: Array or list of `str`, at least one.
        kind: `"bag"` or `"transformer"`.
        words: Size of the vocabulary, padding and unknown included: the most frequent words.
        length: Words of a text that are looked at.
        width: Number of features.
        blocks: Encoder blocks of the transformer.

    Returns:
        A `Backbone` from strings `(batch,)` to `(batch, width)`.

    Raises:
        ValueError: If there is no word in `texts`, or an argument is out of range.
        RuntimeError: If the backend of Keras is not TensorFlow.

    Example:
        >>> backbone = from_texts(["a good book", "not so good"], width=8)
        >>> [layer.name for layer in backbone.layers]
        ['text', 'tokens', 'embedding', 'mean', 'features']
        >>> backbone.predict(np.array(["a good film"], object), verbose=0).shape
        (1, 8)

    Reference:
        Iyyer et al.: Deep Unordered Composition Rivals Syntactic Methods for Text Classification, 2015,
        https://aclanthology.org/P15-1162; Vaswani et al.: Attention Is All You Need, 2017,
        https://arxiv.org/abs/1706.03762
    """
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            "A model that reads strings needs KERAS_BACKEND=tensorflow, set before Keras is imported. "
            f"Received: backend {keras.backend.backend()!r}"
        )
    if kind not in KINDS:
        raise ValueError(f"`kind` must be one of {', '.join(KINDS)}. Received: kind={kind!r}")
    least = {"words": (words, 3), "length": (length, 1), "width": (width, 1), "blocks": (blocks, 1)}
    for argument, (value, lowest) in least.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
            raise ValueError(f"`{argument}` must be an integer >= {lowest}. Received: {argument}={value!r}")
    tokens = _tokens(texts, words, length)
    text = keras.Input((), dtype="string", name="text")
    ids = tokens(text)
    embedded = keras.layers.Embedding(tokens.vocabulary_size(), width, name="embedding")(ids)
    if kind == "transformer":
        embedded = _encoded(embedded, ids, blocks)
    return Backbone(text, vector(MeanToken(name="mean")(embedded, ids)), name=f"{kind}_of_words")


def _tokens(texts, words, length):
    texts = text_array(texts, "texts")
    if texts.dtype.kind not in "OUS" or texts.ndim != 1 or not len(texts):
        raise ValueError(
            "`texts` must be a list or an array of strings (rows,), at least one. "
            f"Received: dtype={texts.dtype}, shape={texts.shape}"
        )
    adapted = keras.layers.TextVectorization(words)
    adapted.adapt(texts[start : start + BATCH] for start in range(0, len(texts), BATCH))
    found = [str(word) for word in adapted.get_vocabulary(include_special_tokens=False)]
    if not found:
        raise ValueError(f"`texts` must hold words. Received: {len(texts)} texts of spaces and punctuation")
    # As an argument the words are in the config, whole. Keras writes an adapted vocabulary into a file of lines, and
    # reads words with a line separator of Unicode in them as two, after which every number is another word's.
    return keras.layers.TextVectorization(words, output_sequence_length=length, vocabulary=found, name=TOKENS)


def _encoded(embedded, ids, blocks):
    """Returns the output of encoder blocks that normalise before they add; no word looks at padding."""
    length, width = embedded.shape[1:]
    layers, heads = keras.layers, max(1, width // HEAD)
    keep = keras.ops.not_equal(ids, 0)[:, None, :]
    places = keras.ops.cumsum(keras.ops.ones_like(ids), axis=1) - 1
    x = embedded + layers.Embedding(length, width, name="positions")(places)
    for block in range(1, blocks + 1):
        y = layers.LayerNormalization(name=f"block_{block}_attention_norm")(x)
        attend = layers.MultiHeadAttention(heads, width // heads, name=f"block_{block}_attention")
        x = x + attend(y, y, attention_mask=keep)
        y = layers.LayerNormalization(name=f"block_{block}_dense_norm")(x)
        y = layers.Dense(4 * width, activation="gelu", name=f"block_{block}_wide")(y)
        x = x + layers.Dense(width, name=f"block_{block}_dense")(y)
    return layers.LayerNormalization(name="encoded")(x)
