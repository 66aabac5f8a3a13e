"""A small frozen part and its rows."""

import keras
import numpy as np


def frozen_model(seed=0, size=6, activation="relu"):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((size, size, 3))
    x = keras.layers.Conv2D(4, 3, activation=activation)(inputs)
    x = keras.layers.BatchNormalization()(x)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))


def images(count=20, seed=0, size=6):
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3)).astype("uint8")


def expected(model, rows):
    plain = keras.Model(model.inputs[0], model.outputs[0])
    return keras.ops.convert_to_numpy(plain(np.asarray(rows, "float32"), training=False))
