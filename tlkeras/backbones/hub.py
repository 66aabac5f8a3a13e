"""A backbone from a reusable SavedModel."""

import keras

from tlkeras.backbones.backbone import Backbone
from tlkeras.layers.hub_layer import HubLayer

# Elsewhere HubLayer says which backend it needs; the import must not forestall it.
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf


def from_hub(handle, trainable=False, *, input_shape=None, allow_host_ops=False) -> Backbone:
    """Makes a flat functional model of a hub image feature vector: images in 0-255 in, features out.

    The layers are the input, `Rescaling(1 / 255)` in float32 whatever the policy, and `HubLayer` named `features`.

    Args:
        handle: Directory, `.tar.gz` file or `http(s)://` address of a reusable SavedModel that takes images in [0, 1].
        trainable: Whether training moves the SavedModel.
        input_shape: Shape of one image, such as `(224, 224, 3)`. Needed where the SavedModel leaves a size open.
        allow_host_ops: Load the SavedModel although it touches the host.

    Returns:
        A `Backbone` from images `(batch, *input_shape)`, uint8 or float in 0-255, to features `(batch, features)`.

    Raises:
        ValueError: If the SavedModel does not take one float image, or its input shape and `input_shape` do not fit.
        RuntimeError: If the backend of Keras is not TensorFlow.

    Example:
        >>> backbone = from_hub("saved_models/glyphs")
        >>> backbone.layers[-1].name
        'features'
    """
    layer = HubLayer(handle, trainable, allow_host_ops, name="features")
    inputs = keras.Input(_image_shape(layer, input_shape), name="image", dtype="float32")
    scaled = keras.layers.Rescaling(1 / 255, dtype="float32", name="scaling")(inputs)
    return Backbone(inputs, layer(scaled), name="hub_backbone")


def _image_shape(layer, input_shape) -> tuple:
    spec = layer.input_signature
    if not isinstance(spec, tf.TensorSpec) or not spec.dtype.is_floating:
        raise ValueError(
            "`handle` must be a SavedModel that takes one float image; put text and other models into a HubLayer. "
            f"Received: {layer.handle}, which takes {spec}"
        )
    own = tf.TensorShape(spec.shape)[1:] if spec.shape.rank else tf.TensorShape(None)
    asked = tf.TensorShape(None if input_shape is None else tuple(input_shape))
    if not own.is_compatible_with(asked):
        raise ValueError(
            f"`input_shape` must fit what the SavedModel takes, {tuple(own)}. "
            f"Received: input_shape={tuple(input_shape)} for {layer.handle}"
        )
    shape = own.merge_with(asked)
    if not shape.is_fully_defined():
        raise ValueError(
            "`input_shape` must be given in full, because the SavedModel leaves a size open. "
            f"Received: input_shape={input_shape} for {layer.handle}, which takes {spec.shape}"
        )
    return tuple(shape)
