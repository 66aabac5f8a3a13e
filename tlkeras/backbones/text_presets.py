"""Backbones of text from KerasHub presets: the tokenizer inside, the mean over the tokens out."""

import keras

from tlkeras.backbones.backbone import Backbone
from tlkeras.backbones.graph import FEATURES
from tlkeras.layers.preset_layer import applied
from tlkeras.layers.preset_text import PresetTokens

_TAKES = {"token_ids", "padding_mask", "segment_ids"}


def takes_text(model) -> bool:
    """Tells whether a backbone of KerasHub takes the ids of a text and nothing else."""
    return isinstance(model.input, dict) and "token_ids" in model.input and set(model.input) <= _TAKES


def text_backbone(model, preset, input_shape=None) -> Backbone:
    """Makes a flat functional model from strings to the mean of a text encoder's last layer; see `from_preset`.

    Args:
        model: Backbone of KerasHub that `takes_text`.
        preset: Where its tokenizer is.
        input_shape: `(tokens,)`, or None.

    Raises:
        ValueError: If the preset has no tokenizer, the encoder gives no sequence, or `input_shape` is not one number
            of tokens that it has positions for.
    """
    preprocessor = _preprocessor(preset)
    preprocessor.sequence_length = _length(model, preprocessor, input_shape, preset)
    text = keras.Input((), dtype="string", name="text")
    ids = PresetTokens(preprocessor, name="token_ids")(text)
    real = keras.ops.cast(keras.ops.not_equal(ids, preprocessor.tokenizer.pad_token_id), "int32")
    real = keras.layers.Identity(dtype="int32", name="padding_mask")(real)
    made = {"token_ids": ids, "padding_mask": real, "segment_ids": keras.ops.zeros_like(ids)}
    outputs = applied(model, {name: made[name] for name in model.input})
    features = keras.layers.GlobalAveragePooling1D(name=FEATURES)(_sequence(outputs, preset), mask=real)
    return Backbone(text, features, name=f"{model.name}_preset")


def _sequence(outputs, preset):
    sequence = outputs.get("sequence_output") if isinstance(outputs, dict) else outputs
    if len(getattr(sequence, "shape", ())) != 3:
        raise ValueError(f"`preset` must be an encoder that gives one vector a token. Received: preset={preset!r}")
    return sequence


def _length(model, preprocessor, asked, preset) -> int:
    most = getattr(model, "max_sequence_length", None) or preprocessor.sequence_length
    if asked is None:
        return min(most, preprocessor.sequence_length)
    shape = tuple(asked)
    if len(shape) != 1 or not isinstance(shape[0], int) or not 3 <= shape[0] <= most:
        raise ValueError(
            f"`input_shape` must be (tokens,) for a text, with 3 <= tokens <= {most}: start, end and what is between. "
            f"Received: input_shape={asked} for {preset!r}"
        )
    return shape[0]


def _preprocessor(preset):
    import keras_hub

    try:
        return keras_hub.models.TextClassifierPreprocessor.from_preset(preset)
    except Exception as error:  # KerasHub raises many kinds
        raise ValueError(
            "`preset` must hold a tokenizer of text: save it with `tokenizer.save_to_preset`. "
            f"({type(error).__name__}: {error}) Received: preset={preset!r}"
        ) from error
