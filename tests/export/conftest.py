import keras
import numpy as np
import pytest


@pytest.fixture(scope="session")
def images():
    """Four noisy classes of 12 x 12 images in 0-255, and their labels."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 300)
    images = rng.uniform(0, 255, (4, 12, 12, 1))[labels] + rng.normal(0, 40, (300, 12, 12, 1))
    return np.clip(images, 0, 255).astype("float32"), labels


@pytest.fixture(scope="session")
def model(images):
    """A small convolutional network, trained for a few steps so that its logits differ."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((12, 12, 1), name="image")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(8, 3, strides=2, activation="relu")(x)
    x = keras.layers.BatchNormalization()(x)
    logits = keras.layers.Dense(4, name="logits")(keras.layers.Flatten()(x))
    model = keras.Model(inputs, logits, name="small")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss)
    model.fit(*images, epochs=4, verbose=0)
    return model
