"""Three tasks on one trunk, on real digits: the class, even or odd, and how much ink there is."""

import os
import pathlib

import keras
import numpy as np
import pytest

from tlkeras import data, methods
from tlkeras.transfer import MaskedLoss, PCGradModel

export_litert = pytest.importorskip("tlkeras.export.verify", reason="LiteRT needs TensorFlow").export_litert
ROWS = 3000


@pytest.fixture
def digits():
    """Images and labels of the three tasks, the training rows first."""
    folder = pathlib.Path(os.environ.get("TLKERAS_DATA", ""), "digits")
    if not folder.is_absolute() or not folder.is_dir():
        pytest.skip("TLKERAS_DATA is unset: no MNIST")
    with np.load(folder / "mnist.npz") as mnist:
        images, labels = (mnist[name][: ROWS + 1000] for name in ("x_train", "y_train"))
    ink = images.reshape(len(images), -1).mean(axis=1)
    images = images.reshape(len(images), 28, 28, 1).astype("float32")
    ink = ((ink - ink[:ROWS].mean()) / ink[:ROWS].std()).astype("float32")
    return images, {"digit": labels.astype("int32"), "parity": labels.astype("int32") % 2, "ink": ink}


def trunk():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((28, 28, 1))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    for channels in (8, 16):
        x = keras.layers.Conv2D(channels, 3, strides=2, activation="relu")(x)
    features = keras.layers.Dense(32, activation="relu", name="features")(keras.layers.Flatten()(x))
    sizes = {"digit": 10, "parity": 2, "ink": 1}
    return keras.Model(inputs, {name: keras.layers.Dense(size, name=name)(features) for name, size in sizes.items()})


@pytest.mark.slow
def test_partly_labelled_digits_are_learned_and_exported(digits, tmp_path):
    """Each row has a label of its class or of the two other tasks, never of all three."""
    images, labels = digits
    partly = {name: values[:ROWS].copy() for name, values in labels.items()}
    partly["digit"][::2] = partly["parity"][1::2] = -1
    partly["ink"][1::2] = np.nan
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    losses = {name: MaskedLoss(cross_entropy, missing=-1) for name in ("digit", "parity")}
    losses["ink"] = MaskedLoss("MeanSquaredError")
    model = PCGradModel(trunk(), [methods.UncertaintyWeighting(), methods.DANN(hidden=(16,), weight=0.01)])
    model.compile(keras.optimizers.Adam(0.002), losses, jit_compile=False)
    batches = data.pair((images[:ROWS], partly), images[ROWS:], batch_size=50)
    history = model.fit(batches, epochs=5, verbose=0, shuffle=False).history
    found = model.predict(images[ROWS:], verbose=0)
    right = {name: (found[name].argmax(-1) == labels[name][ROWS:]).mean() for name in ("digit", "parity")}
    assert right["digit"] > 0.75 and right["parity"] > 0.85, right
    assert np.corrcoef(found["ink"][:, 0], labels["ink"][ROWS:])[0, 1] > 0.9
    assert history["uncertaintyweighting_ink"][-1] > history["uncertaintyweighting_ink"][0]
    facts = export_litert(model, tmp_path / "m.tflite", samples=images[ROWS : ROWS + 50])
    assert facts["outputs"]["digit"]["agreement"] == 1.0 and facts["outputs"]["ink"]["max_abs_diff"] < 1e-3
