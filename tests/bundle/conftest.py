import keras
import numpy as np
import pytest

from tlkeras.bundle import About, write_bundle

LABELS = ("ant", "bee", "wasp & co", "</script>")
METRICS = {
    "recipe": "adapt_images",
    "method": "mcc",
    "source": "studio",
    "target": "street",
    "seed": 3,
    "n_source": 120,
    "backbone": "somewhere/mobilenet",
    "ships": "mcc",
    "source_only": {"target_accuracy": 0.5},
    "rows": {
        "source only": {"target_accuracy_last": 0.5},
        "mcc": {
            "target_accuracy_last": 0.61,
            "target_accuracy_selected": 0.62,
            "selected_by": "information_maximization",
            "target_accuracy_oracle": 0.63,
        },
    },
    "guard": {"words": ["The guard trusts mcc; mcc ships."]},
    "export": {"path": "/private/place.tflite"},
}


@pytest.fixture(scope="session")
def images():
    """Four classes of noisy 12 x 10 images in 0-255."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 200)
    pixels = rng.uniform(0, 255, (4, 12, 10, 3))[labels] + rng.normal(0, 40, (200, 12, 10, 3))
    return np.clip(pixels, 0, 255).astype("uint8"), labels


@pytest.fixture(scope="session")
def model(images):
    """A small convolutional network that tells the classes apart."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((12, 10, 3), name="image")
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1, name="scaling")(inputs)
    x = keras.layers.Conv2D(8, 3, strides=2, activation="relu", name="conv")(scaled)
    logits = keras.layers.Dense(4, name="logits")(keras.layers.Flatten(name="flat")(x))
    model = keras.Model(inputs, logits, name="small")
    model.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(images[0].astype("float32"), images[1], epochs=5, verbose=0)
    return model


@pytest.fixture(scope="session")
def bundle(model, images, tmp_path_factory):
    """A bundle with every kind of file but the page; tests copy it before they change it."""
    return write_bundle(
        model,
        tmp_path_factory.mktemp("bundles") / "insects",
        export={
            "formats": ("savedmodel", "litert", "onnx", "c", "trainable"),
            "quantizations": ("int8_integer_io", "none", "int8"),
            "samples": images[0],
        },
        about=About(class_names=LABELS, metrics=METRICS, config={"flags": {"smoke": True}}),
    )
