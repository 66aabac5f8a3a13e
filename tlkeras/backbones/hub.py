"""A backbone from a reusable SavedModel."""

import keras

from tlkeras.backbones.backbone import Backbone, vector
from tlkeras.layers.hub_layer import HubLayer

# Elsewhere HubLayer says which backend it needs; the import must not forestall it.
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

_DEFAULTS = ("default", "pooled_output")  # the contract of text embeddings, and of transformer encoders

def from_hub(
    handle, trainable=False, *, input_shape=None, signature=None, preprocessor=None, output=None, allow_host_ops=False
) -> Backbone:
    """Makes a flat functional model of a SavedModel: what it takes in, features out; images in 0-255.

    For images the layers are `image`, `Rescaling(1 / 255)` named `scaling` in float32 whatever the policy, the
    `HubLayer` named `hub`, and `features`. Text, and whatever is no batch of images, goes in as the SavedModel takes
    it, several inputs as a dict. Of several outputs the one called `default` is taken, or `pooled_output`, as text
    encoders name it; maps and sequences are averaged over their positions. A SavedModel that takes one waveform, floats
    without a batch axis, as audio models do, is called for each row of the input `waveform`, in the range and at the
    rate that it wants. A text encoder is published with a preprocessor, another SavedModel from strings to the dict
    that it takes: with `preprocessor` the backbone takes strings, and the layers are `text`, a frozen `HubLayer` named
    `preprocessor`, `hub` and `features`. TensorFlow Text is imported where a graph needs it, also when a `.keras` file
    is loaded.

    Args:
        handle: Directory, `.tar.gz` file, `kaggle://` model or `http(s)://` address of a SavedModel; one for images
            takes them in [0, 1].
        trainable: Whether training moves the SavedModel.
        input_shape: Shape of one image, such as `(224, 224, 3)`, or `(samples,)` of one waveform. Needed where the
            SavedModel leaves a size open.
        signature: Name of a signature to run in the place of `__call__`; inference only. Models of the TF1 format need
            one.
        preprocessor: Handle of the SavedModel that makes the inputs of strings, or None.
        allow_host_ops: Load the SavedModel although it touches the host.
        output: Which of several outputs holds the features: None as above, its name, or its place in a row (YAMNet
            gives scores, embeddings and spectrogram: 1).

    Returns:
        A `Backbone`, for images from `(batch, *input_shape)`, uint8 or float in 0-255, to `(batch, width)`.

    Raises:
        ImportError: If a SavedModel needs TensorFlow Text and it is not installed.
        ValueError: If the SavedModel cannot be run (see `HubLayer`), its input shape and `input_shape` do not fit, or
            it gives several outputs and none is `output`, or the preprocessor does not make what it takes.
        RuntimeError: If the backend of Keras is not TensorFlow.

    Example:
        >>> backbone = from_hub("saved_models/glyphs")
        >>> [layer.name for layer in backbone.layers]
        ['image', 'scaling', 'hub', 'features']
    """
    layer = HubLayer(handle, trainable, allow_host_ops=allow_host_ops, signature=signature, name="hub")
    takes = layer.input_signature
    if preprocessor is not None:
        inputs, outputs = _behind(preprocessor, layer, input_shape, allow_host_ops)
    elif _is_image(takes):
        inputs = keras.Input(_row_shape(takes, input_shape, layer.handle), name="image", dtype="float32")
        outputs = layer(keras.layers.Rescaling(1 / 255, dtype="float32", name="scaling")(inputs))
    elif _is_waveform(takes):
        layer.by_row()
        inputs = keras.Input(_row_shape(layer.input_signature, input_shape, layer.handle), name="waveform")
        outputs = layer(inputs)
    else:
        inputs = _inputs(takes, input_shape, layer.handle)
        outputs = layer(inputs)
    return Backbone(inputs, vector(_chosen(outputs, output, layer.handle)), name="hub_backbone")


def _is_image(takes) -> bool:
    return isinstance(takes, tf.TensorSpec) and takes.dtype.is_floating and takes.shape.rank in (None, 4)


def _is_waveform(takes) -> bool:
    return isinstance(takes, tf.TensorSpec) and takes.dtype.is_floating and takes.shape.rank == 1


def _row_shape(takes, input_shape, handle) -> tuple:
    own = tf.TensorShape(takes.shape)[1:] if takes.shape.rank else tf.TensorShape(None)
    asked = tf.TensorShape(None if input_shape is None else tuple(input_shape))
    if not own.is_compatible_with(asked):
        raise ValueError(
            f"`input_shape` must fit what the SavedModel takes, {tuple(own)}. "
            f"Received: input_shape={tuple(input_shape)} for {handle}"
        )
    shape = own.merge_with(asked)
    if not shape.is_fully_defined():
        raise ValueError(
            "`input_shape` must be given in full, because the SavedModel leaves a size open. "
            f"Received: input_shape={input_shape} for {handle}, which takes {takes.shape}"
        )
    return tuple(shape)


def _inputs(takes, input_shape, handle):
    if input_shape is not None:
        raise ValueError(
            "`input_shape` is for a SavedModel that takes one batch of float images, or one waveform. "
            f"Received: input_shape={tuple(input_shape)} for {handle}, which takes {takes}"
        )
    if isinstance(takes, tf.TensorSpec):
        return _input(takes, "text" if takes.dtype == tf.string else "inputs")
    if isinstance(takes, dict):
        return {name: _input(spec, name) for name, spec in takes.items()}
    return [_input(spec, f"input_{index}") for index, spec in enumerate(takes)]


def _input(spec, name):
    return keras.Input(tuple(spec.shape)[1:], dtype=spec.dtype.name, name=name)


def _chosen(outputs, output, handle):
    if not isinstance(outputs, dict | list | tuple):
        return outputs
    named = outputs if isinstance(outputs, dict) else dict(enumerate(outputs))
    wanted = _DEFAULTS if output is None else (output,)
    found = [name for name in wanted if name in named]
    if not found:
        raise ValueError(
            "A backbone gives one tensor of features: of several outputs `output` says which, by its name or its place "
            f"in a row. Received: output={output!r}, and the outputs {sorted(named)} of {handle}"
        )
    return named[found[0]]


def _behind(preprocessor, encoder, input_shape, allow_host_ops) -> tuple:
    """Returns the input for text, and what the encoder makes of the preprocessor's outputs."""
    first = HubLayer(preprocessor, allow_host_ops=allow_host_ops, name="preprocessor")
    inputs = _inputs(first.input_signature, input_shape, first.handle)
    made, takes = first(inputs), encoder.input_signature
    given = sorted(made) if isinstance(made, dict) else type(made).__name__
    if not isinstance(made, dict) or not isinstance(takes, dict) or set(made) != set(takes):
        wanted = sorted(takes) if isinstance(takes, dict) else takes
        raise ValueError(
            "`preprocessor` must make exactly what the encoder takes, a dict of tensors with the same names. "
            f"Received: preprocessor={first.handle}, which makes {given}, for {encoder.handle}, which takes {wanted}"
        )
    return inputs, encoder(made)
