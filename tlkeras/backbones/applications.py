"""Backbones from `keras.applications`."""

import difflib
import inspect
import os
import warnings

import keras

from tlkeras.backbones.backbone import Backbone, vector

# What each family's `preprocess_input` does, as scale, offset and whether the channels are reversed. The models of all
# other families scale inside themselves.
_TO_ONE = (1 / 127.5, -1.0, False)
_IMAGENET = (
    [1 / (255 * deviation) for deviation in (0.229, 0.224, 0.225)],
    [-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225],
    False,
)
_CAFFE = ([1.0, 1.0, 1.0], [-103.939, -116.779, -123.68], True)
_SCALING = {
    "densenet": _IMAGENET,
    "inception_resnet_v2": _TO_ONE,
    "inception_v3": _TO_ONE,
    "mobilenet": _TO_ONE,
    "mobilenet_v2": _TO_ONE,
    "nasnet": _TO_ONE,
    "resnet": _CAFFE,
    "resnet_v2": _TO_ONE,
    "vgg16": _CAFFE,
    "vgg19": _CAFFE,
    "xception": _TO_ONE,
}
_NO_SCALING = (1.0, 0.0, False)
_NOT_FOR_THE_CALLER = {
    "classes", "classifier_activation", "include_preprocessing", "include_top", "input_shape", "input_tensor", "name",
    "weights",
}  # fmt: skip

# Height and width that the ImageNet weights were trained on, where it is not 224.
_SIZES = {
    **dict.fromkeys(("InceptionV3", "InceptionResNetV2", "Xception"), 299),
    **{f"EfficientNetB{i}": size for i, size in enumerate((224, 240, 260, 300, 380, 456, 528, 600))},
    **{f"EfficientNetV2B{i}": size for i, size in enumerate((224, 240, 260, 300))},
    **{"EfficientNetV2S": 384, "EfficientNetV2M": 480, "EfficientNetV2L": 480},
    "NASNetLarge": 331,
}


def application_names() -> list:
    """Returns the names that `from_applications` takes."""
    return [name for name, _ in inspect.getmembers(keras.applications, inspect.isfunction)]


def from_applications(name, trainable=False, *, weights="imagenet", input_shape=None, **kwargs) -> Backbone:
    """Makes a backbone of a model of `keras.applications`: images in 0-255 in, averaged features out.

    Args:
        name: Name of the model, such as `"MobileNetV2"`.
        trainable: Whether training moves it.
        weights: `"imagenet"` (Keras downloads them), None for random ones, or a file of weights without the top.
        input_shape: Shape of one image, such as `(160, 160, 3)`; by default what the weights were trained on.
        **kwargs: Further arguments of that model, such as `alpha=0.35`.

    Returns:
        A `Backbone` with the layers `image`, `scaling`, those of the application, and `features`.

    Raises:
        ValueError: If the name or an argument is unknown, the image is too small or has other channels than the weights
            or the scaling, or the weights do not fit.

    Example:
        >>> backbone = from_applications("MobileNetV2", weights=None, input_shape=(96, 96, 3), alpha=0.35)
        >>> backbone.width, len(backbone.blocks)
        (1280, 19)

    Reference:
        Keras Applications, https://keras.io/api/applications/
    """
    if name not in application_names():
        near = difflib.get_close_matches(str(name), application_names(), 3) or application_names()
        raise ValueError(f"`name` must be a model of `keras.applications`, such as {near}. Received: name={name!r}")
    build = getattr(keras.applications, name)
    taken = sorted(set(inspect.signature(build).parameters) - _NOT_FOR_THE_CALLER)
    if not set(kwargs) <= set(taken):
        raise ValueError(
            f"The further arguments of {name} are {taken}: a backbone has no top and scales inside. Received: {kwargs}"
        )
    shape = tuple(input_shape) if input_shape else (_SIZES.get(name, 224), _SIZES.get(name, 224), 3)
    _check_channels(shape, weights, build)
    image = keras.Input(shape, name="image", dtype="float32")
    weights = None if weights is None else os.fspath(weights)
    try:
        with warnings.catch_warnings():
            # Keras 3.15 warns of each empty container that a file written by an older Keras does not list.
            warnings.filterwarnings("ignore", "Skipping nested container", UserWarning)
            model = build(
                include_top=False,
                weights=weights,
                input_tensor=_scaled(image, build),
                input_shape=shape,
                **{"pooling": "avg", **kwargs},
            )
    except Exception as error:  # Keras raises a bare Exception where a download fails
        raise ValueError(
            f"{name} could not be built: {_remedy(weights)} ({type(error).__name__}: {str(error)[:300]}) "
            f"Received: name={name!r}, weights={weights!r}, input_shape={shape}, {kwargs}"
        ) from error
    backbone = Backbone(image, vector(model.output), name=f"{name.lower()}_backbone")
    backbone.trainable = trainable
    return backbone


def _check_channels(shape, weights, build):
    per_channel = isinstance(_scaling_of(build)[0], list)
    if len(shape) != 3 or (shape[-1] != 3 and (weights == "imagenet" or per_channel)):
        raise ValueError(
            "`input_shape` must be (height, width, channels), with 3 channels for the weights of ImageNet and for a "
            f"family that scales each channel in its own way. Received: input_shape={shape}, weights={weights!r}"
        )


def _scaling_of(build):
    return _SCALING.get(build.__module__.rpartition(".")[2], _NO_SCALING)


def _scaled(image, build):
    scale, offset, reverse = _scaling_of(build)
    if reverse:
        image = keras.ops.flip(image, axis=-1)
    return keras.layers.Rescaling(scale, offset, dtype="float32", name="scaling")(image)


def _remedy(weights) -> str:
    if weights == "imagenet":
        return "check the arguments, and the network, which the weights come over; or pass `weights=` a local file."
    return "check the arguments, and that the weights are of this model without its top, of this width and channels."
