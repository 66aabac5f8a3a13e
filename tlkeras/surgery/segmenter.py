"""A decoder that gives every pixel a class."""

import math
import numbers

import keras

from tlkeras.backbones.blocks import placed_blocks
from tlkeras.backbones.graph import FEATURES, backbone_nodes, cuts_of, output_of


def segmenter(backbone, num_classes, *, width=64, stride=4, name=None):
    """Puts a small decoder on the feature maps of an image backbone, in one flat graph with named layers.

    The maps are the outputs of blocks: at each size that the backbone passes through, down to `stride` pixels a cell,
    its last one. The decoder starts from the smallest, to which the pooled `features` are added, and enlarges it step
    by step; at each size the backbone's own map is added and a separable convolution follows. The last map before the
    logits is the layer `decoder`; `logits` are resized to the image.

    Every method that aligns vectors finds `features`; `tlkeras.methods.PerPosition` lets it read maps instead. What
    comes after `features` is the head: `tlkeras.surgery.unfreeze` and `tlkeras.optimizers.groups` tell it from the
    backbone.

    Args:
        backbone: Functional `keras.Model` of images of a fixed size, whose output is a feature map, or the average of
            one over its positions.
        num_classes: Number of classes of a pixel, >= 2.
        width: Channels of the decoder.
        stride: Pixels a cell of the finest map that the decoder reads, >= 1; a small one is precise and slow.
        name: Name of the model.

    Returns:
        Functional `keras.Model` from the backbone's input to logits `(batch, height, width, num_classes)`. It shares
        the backbone's layers and weights.

    Raises:
        ValueError: If the backbone is not functional, takes no images of a fixed size or has no feature maps that fine
            (a hub SavedModel is one layer), or an argument is out of range.

    Example:
        >>> x = image = keras.Input((64, 64, 3))
        >>> for channels in (8, 16, 32):
        ...     x = keras.layers.Conv2D(channels, 3, strides=2, padding="same", activation="relu")(x)
        >>> model = segmenter(keras.Model(image, x), 5, width=24)
        >>> model.output_shape, model.get_layer("decoder").output.shape, model.get_layer("features").output.shape
        ((None, 64, 64, 5), (None, 16, 16, 24), (None, 32))

    Reference:
        Ronneberger, Fischer, Brox: U-Net: Convolutional Networks for Biomedical Image Segmentation, 2015,
        https://arxiv.org/abs/1505.04597; the pooled features: Chen, Papandreou, Schroff, Adam: Rethinking Atrous
        Convolution for Semantic Image Segmentation, 2017, https://arxiv.org/abs/1706.05587
    """
    for argument, size, least in (("num_classes", num_classes, 2), ("width", width, 1), ("stride", stride, 1)):
        if isinstance(size, bool) or not isinstance(size, numbers.Integral) or size < least:
            raise ValueError(f"`{argument}` must be an integer >= {least}. Received: {argument}={size!r}")
    if not isinstance(getattr(backbone, "inputs", None), list):
        raise ValueError(f"`backbone` must be a functional `keras.Model`. Received: backbone={backbone!r}")
    shape = getattr(backbone.input, "shape", ())
    if len(shape) != 4 or None in shape[1:]:
        raise ValueError(
            "`backbone` must take images of a fixed size, (batch, height, width, channels): pass `input_shape=` where "
            f"it is made. Received: input of {backbone.name} {tuple(shape)}"
        )
    *finer, x = _maps(backbone, stride)
    x = _convolved(x, width, "decoder_start")
    pooled = keras.layers.Dense(width, name="decoder_pooled")(_features(backbone))
    pooled = keras.layers.Reshape((1, 1, width), name="decoder_pooled_map")(pooled)
    x = keras.layers.Add(name="decoder_with_pooled")([x, pooled])
    for level, skip in reversed([*enumerate(finer)]):
        x = _enlarged(x, skip.shape, f"decoder_{level}_enlarged")
        skip = _convolved(skip, width, f"decoder_{level}_skip")
        x = keras.layers.Add(name=f"decoder_{level}_sum")([x, skip])
        x = keras.layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"decoder_{level}_depthwise")(x)
        x = _convolved(x, width, f"decoder_{level}")
    x = keras.layers.Identity(name="decoder")(x)
    x = keras.layers.Conv2D(int(num_classes), 1, name="logits_map")(x)
    return keras.Model(backbone.input, _enlarged(x, shape, "logits"), name=name)


def _enlarged(x, shape, name):
    # Not Resizing: its `call` has `training=True` by default, which a model that is called without `training`, as
    # Keras' export does, hands on to every BatchNormalization behind it (Keras 3.15).
    factors = tuple(size // own for size, own in zip(shape[1:3], x.shape[1:3], strict=True))
    return keras.layers.UpSampling2D(factors, interpolation="bilinear", name=name)(x)


def _convolved(x, width, name):
    x = keras.layers.Conv2D(width, 1, use_bias=False, name=f"{name}_conv")(x)
    x = keras.layers.BatchNormalization(name=f"{name}_norm")(x)
    return keras.layers.ReLU(6.0, name=f"{name}_relu")(x)  # whose range is known to an int8 file


def _features(backbone):
    """Returns the pooled features, of a layer named `features`."""
    if any(layer.name == FEATURES for layer in backbone.layers):
        features = output_of(backbone, FEATURES)
    elif len(backbone.output.shape) == 4:
        features = keras.layers.GlobalAveragePooling2D(name=FEATURES)(backbone.output)
    else:
        features = keras.layers.Identity(name=FEATURES)(backbone.output)
    if len(features.shape) != 2:
        raise ValueError(
            "`backbone` must end in one vector a row or in a feature map, and its layer `features` is neither. "
            f"Received: {backbone.name} with {tuple(features.shape)}"
        )
    return features


def _maps(backbone, stride):
    """Returns the last output of a block at each size, the finest first."""
    nodes, height = backbone_nodes(backbone), backbone.input.shape[1]
    cuts, starts = cuts_of(nodes), sorted({place for _, place in placed_blocks(backbone)})
    found = {}
    for first, after in zip(starts, [*starts[1:], len(nodes)], strict=True):
        outputs = [cuts[index] for index in range(first, after) if index in cuts and len(cuts[index].shape) == 4]
        for tensor in outputs[-1:]:
            found[tensor.shape[1:3]] = tensor
    maps = [tensor for size, tensor in found.items() if height / size[0] >= stride]
    if not maps:
        raise ValueError(
            "`backbone` must have blocks with feature maps of at least `stride` pixels a cell, which a hub SavedModel, "
            f"one layer, has not. Received: stride={stride}, maps {sorted(found, reverse=True)} of {backbone.name}"
        )
    for finer, coarser in zip([backbone.input, *maps], maps, strict=False):
        if any(size % small for size, small in zip(finer.shape[1:3], coarser.shape[1:3], strict=True)):
            smallest = maps[-1].shape[1:3]
            raise ValueError(
                "The sides of the images must be such that each map of `backbone` is a whole fraction of the one "
                f"before, such as multiples of {2 ** round(math.log2(height / smallest[0]))}: pass `input_shape=` "
                f"where it is made. Received: images {tuple(backbone.input.shape[1:3])}, maps {list(found)}"
            )
    return maps
