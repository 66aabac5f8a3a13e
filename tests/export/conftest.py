import os
import pathlib

import keras
import numpy as np
import pytest

from tlkeras.export import to_litert


@pytest.fixture(scope="session")
def images():
    """Four noisy classes of 12 x 12 images in 0-255, and their labels."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 300)
    images = rng.uniform(0, 255, (4, 12, 12, 1))[labels] + rng.normal(0, 40, (300, 12, 12, 1))
    return np.clip(images, 0, 255).astype("float32"), labels


@pytest.fixture(scope="session")
def model(images):
    """A small convolutional network, trained for a few steps so that its logits differ.

    Its layers have names of their own: a search that ran before in this process starts Keras' counters again.
    """
    keras.utils.set_random_seed(0)
    inputs = keras.Input((12, 12, 1), name="image")
    x = keras.layers.Rescaling(1 / 255, name="scaled")(inputs)
    x = keras.layers.Conv2D(8, 3, strides=2, activation="relu", name="conv")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    logits = keras.layers.Dense(4, name="logits")(keras.layers.Flatten(name="flat")(x))
    model = keras.Model(inputs, logits, name="small")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss)
    model.fit(*images, epochs=4, verbose=0)
    return model


@pytest.fixture(scope="session")
def dense_files(tmp_path_factory):
    """A model of two Dense layers as LiteRT, in the four kinds: `{kind: path}`."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((256,))
    hidden = keras.layers.Dense(128, "relu", bias_initializer="ones")(inputs)  # the converter drops biases of 0
    model = keras.Model(inputs, keras.layers.Dense(8, bias_initializer="ones")(hidden))
    samples = np.random.default_rng(0).normal(size=(50, 256)).astype("float32")
    folder = tmp_path_factory.mktemp("dense")
    kinds = {"float32": None, "float16": "float16", "dynamic": "dynamic", "int8": "int8"}
    return {
        name: to_litert(model, folder / f"model_{name}.tflite", quantize=kind, samples=samples, value_range=None)
        for name, kind in kinds.items()
    }


@pytest.fixture
def published():
    """The folder of the published quantised MobileNets."""
    folder = pathlib.Path(os.environ.get("TLKERAS_DATA", ""), "tflite")
    if not folder.is_absolute() or not folder.is_dir():
        pytest.skip("TLKERAS_DATA is unset: no published MobileNets")
    return folder
