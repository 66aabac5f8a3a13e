"""A small network of separable convolutions, for students that start from random weights."""

import keras

FROM = 12  # pixels: no map gets smaller


def small_net(input_shape, num_classes, width=16):
    """Returns a classifier of images in 0-255 whose operators LiteRT fuses: separable convolutions, BatchNorm, ReLU6.

    The map is halved as long as it is larger than 12 pixels a side and the channels double, at most to 8 times `width`.

    Args:
        input_shape: `(height, width, channels)` of the images.
        num_classes: Number of logits.
        width: Channels of the first convolution.
    """
    image = keras.Input(input_shape, name="image")
    x = keras.layers.Rescaling(1 / 127.5, -1.0, name="scaling")(image)
    x = _normal(keras.layers.Conv2D(width, 3, padding="same", use_bias=False, name="stem")(x), "stem")
    for block in range(5):
        strides = 2 if min(x.shape[1:3]) > FROM else 1
        name, channels = f"block_{block + 1}", width * min(8, 2 ** (block + 1))
        x = keras.layers.DepthwiseConv2D(
            3, strides=strides, padding="same", use_bias=False, name=f"{name}_depthwise"
        )(x)  # fmt: skip
        x = _normal(x, f"{name}_depthwise")
        x = _normal(keras.layers.Conv2D(channels, 1, use_bias=False, name=name)(x), name)
    features = keras.layers.GlobalAveragePooling2D(name="features")(x)
    return keras.Model(image, keras.layers.Dense(num_classes, name="logits")(features), name="small")


def _normal(x, name):
    norm = keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    return keras.layers.ReLU(6.0, name=f"{name}_relu")(norm)
