"""Backbones from KerasHub presets."""

import os

import keras

from tlkeras.backbones.backbone import Backbone, vector
from tlkeras.backbones.graph import FEATURES
from tlkeras.backbones.text_presets import takes_text, text_backbone
from tlkeras.layers.preset_layer import applied

# Transformers whose first token stands for the whole image; in ViT it is an option of the architecture.
_CLASS_TOKEN = {"DeiTBackbone", "DINOV2Backbone", "DINOV3Backbone", "ViTBackbone"}


def from_preset(preset, trainable=False, *, input_shape=None) -> Backbone:
    """Makes a backbone of a KerasHub preset: images in 0-255 or strings in, one vector of features out.

    The scale and the offset of the preset's image converter are the layer `scaling` inside. Resizing is not: images
    come in as `input_size`. A feature map, and the tokens of a transformer without a class token, are averaged over
    their positions; of ViT, DeiT and DINO the class token is taken.

    A text encoder (BERT, RoBERTa, ALBERT and the like) takes strings: its tokenizer is the layer `token_ids` inside,
    from `(batch,)` to `(batch, tokens)`, and its features are the mean of the last layer over the real tokens, start
    and end included. The mean is what sentence encoders are trained with; the `[CLS]` token of BERT was taught to tell
    whether two sentences follow each other. A text of more tokens is cut at its end.

    The graph is flat where the layers of the architecture can be saved one by one. In KerasHub 0.32 those of ViT, DeiT
    and Swin cannot: there the whole architecture is one layer, a `PresetLayer`, and one block.

    Args:
        preset: Name of a preset of KerasHub (`"resnet_18_imagenet"`), `kaggle://` or `hf://` handle, or directory that
            `save_to_preset` wrote. KerasHub downloads and caches the first three.
        trainable: Whether training moves it.
        input_shape: Shape of one image, such as `(160, 160, 3)`, where the architecture leaves its size open; by
            default that of the image converter. Of a text `(tokens,)`, start and end included; by default the
            preset's own number, at most that of the encoder's positions.

    Returns:
        A `Backbone` with the layers `image` and `scaling`, or `text`, `token_ids` and `padding_mask`, those of the
        preset, and `features`.

    Raises:
        ImportError: If KerasHub is not installed.
        ValueError: If there is no such preset, it is not one for images or for texts alone, it gives several feature
            maps, it has no image converter or no tokenizer, or `input_shape` does not fit.

    Example:
        >>> import keras_hub
        >>> model = keras_hub.models.DenseNetBackbone([1, 1], growth_rate=4, image_shape=(32, 32, 3))
        >>> model.save_to_preset("preset")
        >>> keras_hub.layers.DenseNetImageConverter(scale=1 / 255).save_to_preset("preset")
        >>> from_preset("preset").width
        38

    Reference:
        KerasHub, https://keras.io/keras_hub/
    """
    preset = os.fspath(preset)
    model = _load(preset)
    build = text_backbone if takes_text(model) else _image_backbone
    backbone = build(model, preset, input_shape)
    backbone.trainable = trainable
    return backbone


def _image_backbone(model, preset, input_shape) -> Backbone:
    _require_images(model, preset)
    converter = _converter(preset)
    image = keras.Input(_image_shape(model, converter, input_shape, preset), name="image", dtype="float32")
    scale = 1.0 if converter.scale is None else converter.scale
    offset = 0.0 if converter.offset is None else converter.offset
    scaled = keras.layers.Rescaling(scale, offset, dtype="float32", name="scaling")(image)
    return Backbone(image, _features(model, applied(model, scaled)), name=f"{model.name}_preset")


def _load(preset: str):
    # Imported here because it is an extra, and because it imports TensorFlow, its text operations and much else.
    try:
        import keras_hub
    except ImportError as error:
        raise ImportError(
            f'Presets need KerasHub: pip install "tlkeras[presets]" ({error}). Received: preset={preset!r}'
        ) from error
    try:
        return keras_hub.models.Backbone.from_preset(preset)
    except Exception as error:  # KerasHub, kagglehub and huggingface_hub raise many kinds
        raise ValueError(
            "`preset` must be a preset of KerasHub or a directory with one; check its name, the network, and that it "
            f"is whole. ({type(error).__name__}: {error}) Received: preset={preset!r}"
        ) from error


def _converter(preset: str):
    import keras_hub

    try:
        return keras_hub.layers.ImageConverter.from_preset(preset)
    except Exception as error:
        raise ValueError(
            "`preset` must hold an image converter, which says how its images are scaled: save it with "
            f"`converter.save_to_preset`. ({type(error).__name__}: {error}) Received: preset={preset!r}"
        ) from error


def _require_images(model, preset: str) -> None:
    inputs, name = keras.tree.flatten(model.input), type(model).__name__
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        taken = [f"{tensor.name}: {tuple(tensor.shape)}" for tensor in inputs]
        raise ValueError(
            "`preset` must take one image, or one text, and nothing else; a model of both has no single vector of "
            f"either. Received: preset={preset!r}, a {name} that takes {taken}"
        )
    outputs = model.output
    if isinstance(outputs, dict | list | tuple):
        given = sorted(outputs) if isinstance(outputs, dict) else f"{len(outputs)} tensors"
        raise ValueError(
            "`preset` must give one feature map or vector; which level of a pyramid to take is not for us to guess. "
            f"Build on it with `keras.Model`. Received: preset={preset!r}, a {name} that gives {given}"
        )


def _image_shape(model, converter, asked, preset: str) -> tuple:
    own = tuple(keras.tree.flatten(model.input)[0].shape[1:])
    wanted = (*(converter.image_size or (None, None)), None) if asked is None else tuple(asked)
    fits = len(wanted) == 3 and all(None in (a, b) or a == b for a, b in zip(own, wanted, strict=True))
    if asked is not None and not fits:
        raise ValueError(
            f"`input_shape` must fit what the preset takes, {own}. Received: input_shape={asked} for {preset!r}"
        )
    shape = tuple(b if a is None else a for a, b in zip(own, wanted, strict=True))
    if None in shape:
        raise ValueError(
            "`input_shape` must be given in full, because neither the architecture nor the image converter names a "
            f"size. Received: input_shape={asked} for {preset!r}, which takes {own}"
        )
    return shape


def _features(model, outputs):
    if len(outputs.shape) == 3 and type(model).__name__ in _CLASS_TOKEN and getattr(model, "use_class_token", True):
        return keras.layers.Identity(name=FEATURES)(keras.ops.take(outputs, 0, axis=1))
    return vector(outputs)
