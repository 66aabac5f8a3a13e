"""A head that gives every token of a text a class."""

import numbers

import keras

from tlkeras.backbones.graph import FEATURES, output_of
from tlkeras.layers.mean_token import MeanToken
from tlkeras.layers.real_tokens import RealTokens

IGNORED = -1  # label of padding: SparseCategoricalCrossentropy(from_logits=True, ignore_class=IGNORED)


def token_classifier(backbone, num_classes, *, ids=None, width=None, dropout=0.0, name=None):
    """Puts a head on a text encoder that gives every token a class, in one flat graph with named layers.

    `tokens` are the encoder's vectors and a last channel that is 1 at a token, all zeros at padding; `features`, the
    mean over the real tokens, is what methods that align vectors find. It says what kind of text this is: through a
    Dense layer `context` it is added to every token, so that it trains with the rest. Then a Dense with ReLU named
    `token_hidden` and linear `logits`, all 0 at padding, which is how they are told from a token's.
    Label padding with -1 and train with `SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)` and
    `tlkeras.transfer.TokenAccuracy`, which leave it out.

    Args:
        backbone: Functional `keras.Model` whose output is `(batch, length, features)`.
        num_classes: Number of classes of a token, >= 2.
        ids: Name of the layer whose output is 0 where the text is padded, `(batch, length)` or
            `(batch, length, n)`, such as the `padding_mask` of a preset; by default the only input of the backbone.
        width: Width of `token_hidden`; by default that of the encoder.
        dropout: Rate of the dropout before the logits, in [0, 1).
        name: Name of the model.

    Returns:
        Functional `keras.Model` from the backbone's input to logits `(batch, length, num_classes)`. It shares the
        backbone's layers and weights.

    Raises:
        ValueError: If the backbone is not functional, its output is not of rank 3 or has another length than the ids,
            or an argument is out of range.

    Example:
        >>> ids = keras.Input((6,), dtype="int32", name="ids")
        >>> encoder = keras.Model(ids, keras.layers.Embedding(20, 8, name="embedding")(ids))
        >>> model = token_classifier(encoder, 5)
        >>> logits = model.predict(np.array([[3, 1, 0, 0, 0, 0]]), verbose=0)
        >>> logits.shape, (logits[0] == 0).all(axis=-1).tolist()
        ((1, 6, 5), [False, False, True, True, True, True])
    """
    _check(backbone, num_classes, width, dropout)
    size = backbone.output.shape[-1]
    tokens = RealTokens(name="tokens")(backbone.output, _reference(backbone, ids))
    vectors, real = tokens[..., :size], tokens[..., size:]
    features = MeanToken(name=FEATURES)(vectors, keras.ops.cast(real[..., 0], "int32"))
    context = keras.layers.Dense(size, use_bias=False, name="context")(features)
    context = keras.layers.Reshape((1, size), name="context_of_tokens")(context)
    x = keras.layers.Add(name="tokens_with_context")([vectors, context])
    x = keras.layers.Dense(int(width or size), activation="relu", name="token_hidden")(x)
    if dropout:
        x = keras.layers.Dropout(dropout, name="head_dropout")(x)
    scores = keras.layers.Dense(int(num_classes), name="scores")(x)
    return keras.Model(backbone.input, keras.layers.Multiply(name="logits")([scores, real]), name=name)


def _check(backbone, num_classes, width, dropout):
    if not isinstance(getattr(backbone, "inputs", None), list):
        raise ValueError(f"`backbone` must be a functional `keras.Model`. Received: backbone={backbone!r}")
    if len(getattr(backbone.output, "shape", ())) != 3:
        raise ValueError(
            "`backbone` must return one vector a token, (batch, length, features); of one that pools, take the output "
            "of an earlier layer, `keras.Model(backbone.input, tlkeras.backbones.graph.output_of(backbone, name))`. "
            f"Received: output {keras.tree.map_structure(lambda tensor: tuple(tensor.shape), backbone.output)}"
        )
    for argument, size, least in (("num_classes", num_classes, 2), ("width", 1 if width is None else width, 1)):
        if isinstance(size, bool) or not isinstance(size, numbers.Integral) or size < least:
            raise ValueError(f"`{argument}` must be an integer >= {least}. Received: {argument}={size!r}")
    if isinstance(dropout, bool) or not isinstance(dropout, numbers.Real) or not 0 <= dropout < 1:
        raise ValueError(f"`dropout` must be a number in [0, 1). Received: dropout={dropout!r}")
    if any(layer.name == FEATURES for layer in backbone.layers):
        raise ValueError(
            "`backbone` must have no layer named `features`, the mean that methods tap: rename it. "
            f"Received: backbone={backbone.name}"
        )


def _reference(backbone, ids):
    if ids is None and len(backbone.inputs) != 1:
        names = [tensor.name for tensor in backbone.inputs]
        raise ValueError(
            "`ids` must name the layer that is 0 at padding where the backbone has several inputs. "
            f"Received: ids=None, inputs {names}"
        )
    reference = backbone.inputs[0] if ids is None else output_of(backbone, ids)
    if len(reference.shape) not in (2, 3) or reference.dtype == "string":
        raise ValueError(
            "`ids` must be numbers that are 0 at padding, (batch, length) or (batch, length, n); of a model that takes "
            "strings name the layer of its ids. "
            f"Received: ids={ids!r}, {reference.name} {tuple(reference.shape)} of {reference.dtype}"
        )
    lengths = reference.shape[1], backbone.output.shape[1]
    if None not in lengths and lengths[0] != lengths[1]:
        raise ValueError(f"`ids` must be as long as the backbone's output. Received: lengths {lengths}")
    return reference
