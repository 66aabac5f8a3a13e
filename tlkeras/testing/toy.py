"""Small pairs of domains where training on the source alone fails, and a small task where fine-tuning forgets."""

import keras
import numpy as np

from tlkeras.data import pair, views
from tlkeras.transfer import PhasedModel, TransferModel


def spurious_feature(rows=600, seed=0):
    """Two classes and two inputs: the first tells them apart in both domains, the second, more sharply, in one.

    In the source the second input is `+-1` with little noise, so that a network relies on it; in the target it is
    noise of three times that size. Ignoring it solves both domains to about 98 %.

    Args:
        rows: Rows of each domain.
        seed: Integer.

    Returns:
        `(source, source_labels, target, target_labels)`, inputs float32 `(rows, 2)`, labels 0 or 1.

    Example:
        >>> spurious_feature(rows=10)[0].shape
        (10, 2)
    """
    random = np.random.default_rng(seed)
    labels, other = random.integers(0, 2, rows), random.integers(0, 2, rows)
    honest, honest_other = (2 * y - 1 + random.normal(0, 0.5, rows) for y in (labels, other))
    source = np.stack([honest, 2 * labels - 1 + random.normal(0, 0.1, rows)], axis=1)
    target = np.stack([honest_other, random.normal(0, 3.0, rows)], axis=1)
    return source.astype("float32"), labels, target.astype("float32"), other


def shifted_clusters(rows=600, shift=1.4, seed=0):
    """Three tight clusters on a circle, and the same moved so that the source's borders cut through them.

    Args:
        rows: Rows of each domain.
        shift: How far the target is moved along both axes.
        seed: Integer.

    Returns:
        `(source, source_labels, target, target_labels)`, inputs float32 `(rows, 2)`, labels 0, 1 or 2.

    Example:
        >>> shifted_clusters(rows=9)[2].shape
        (9, 2)
    """
    random = np.random.default_rng(seed)
    labels, other = random.integers(0, 3, rows), random.integers(0, 3, rows)
    centres = 2.0 * np.stack([np.cos(2 * np.pi * np.arange(3) / 3), np.sin(2 * np.pi * np.arange(3) / 3)], axis=1)
    source = centres[labels] + random.normal(0, 0.2, (rows, 2))
    target = centres[other] + random.normal(0, 0.2, (rows, 2)) + shift
    return source.astype("float32"), labels, target.astype("float32"), other


def turned_clusters(rows=600, angle=72.0, seed=0):
    """Three tight clusters on a circle, and each smeared along the circle to beyond the next border of the source.

    A part of each target cluster lies where the source's is, the rest where the source leaves the border open.

    Args:
        rows: Rows of each domain.
        angle: Degrees over which a target cluster reaches; the borders are 60 degrees away.
        seed: Integer.

    Returns:
        `(source, source_labels, target, target_labels)`, inputs float32 `(rows, 2)`, labels 0, 1 or 2.

    Example:
        >>> turned_clusters(rows=9)[2].shape
        (9, 2)
    """
    random = np.random.default_rng(seed)
    labels, other = random.integers(0, 3, rows), random.integers(0, 3, rows)
    turns = 2 * np.pi * labels / 3, 2 * np.pi * other / 3 + np.deg2rad(angle) * random.uniform(0, 1, rows)
    source, target = (
        2.0 * np.stack([np.cos(turn), np.sin(turn)], axis=1) + random.normal(0, 0.2, (rows, 2)) for turn in turns
    )
    return source.astype("float32"), labels, target.astype("float32"), other


def toy_accuracy(domains, methods, seed=0, epochs=30, activation="relu", augmenters=None):
    """Trains a network of one hidden layer `features` and returns its accuracy on the target, last epoch.

    Args:
        domains: What a function of this module returned.
        methods: List of methods; empty for training on the source alone.
        seed: Integer.
        epochs: Passes over the domains.
        activation: Of the hidden layer.
        augmenters: `{view: layer or function}` for `tlkeras.data.views`, or None.

    Returns:
        Float in [0, 1].
    """
    model = toy_model(domains, methods, seed, epochs, activation, augmenters)
    return float((model.predict(domains[2], verbose=0).argmax(axis=1) == domains[3]).mean())


def toy_model(domains, methods, seed=0, epochs=30, activation="relu", augmenters=None):
    """Trains a network of one hidden layer `features`, with a logit for every class of source and target.

    Args:
        domains: What a function of this module returned.
        methods: List of methods; empty for training on the source alone.
        seed: Integer.
        epochs: Passes over the domains.
        activation: Of the hidden layer.
        augmenters: `{view: layer or function}` for `tlkeras.data.views`, or None.

    Returns:
        The trained `keras.Model`.
    """
    inputs, labels, target, target_labels = domains
    keras.utils.set_random_seed(seed)
    entry = keras.Input((inputs.shape[1],))
    features = keras.layers.Dense(16, activation=activation, name="features")(entry)
    classes = int(max(labels.max(), target_labels.max())) + 1
    model = keras.Model(entry, keras.layers.Dense(classes, name="logits")(features))
    phased = any(method.phases() for method in methods)
    transfer = (PhasedModel if phased else TransferModel)(model, methods)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    transfer.compile(keras.optimizers.Adam(0.01), loss, jit_compile=keras.backend.backend() != "torch")
    batches = views(pair((inputs, labels), target, batch_size=50, seed=seed), **(augmenters or {}))
    transfer.fit(batches, epochs=epochs, verbose=0, shuffle=False)
    return model


def few_labels(labelled=24, rows=1500, seed=0):
    """A source task with many labels and a target task with few, both decided by three directions among forty.

    The source label is the octant of the input in these directions, the target label one of the three signs. Features
    learned on the source solve the target from few labels; fine-tuning without care forgets them.

    Args:
        labelled: Labelled rows of the target.
        rows: Labelled rows of the source.
        seed: Integer.

    Returns:
        `((source, labels), (few, labels), (test, labels))`, inputs float32 `(rows, 40)`, source labels 0 to 7, target
        labels 0 or 1, 1000 rows to test.

    Example:
        >>> [inputs.shape for inputs, _ in few_labels(rows=50)]
        [(50, 40), (24, 40), (1000, 40)]
    """
    random = np.random.default_rng(seed)
    directions = np.linalg.qr(random.normal(size=(40, 3)))[0]
    parts = []
    for count in (rows, labelled, 1000):
        inputs = random.normal(size=(count, 40))
        parts.append((inputs.astype("float32"), (inputs @ directions > 0).astype(int)))
    (source, octants), (few, signs), (test, test_signs) = parts
    return (source, octants @ [1, 2, 4]), (few, signs[:, 0]), (test, test_signs[:, 0])


def fine_tuned_accuracy(tasks, methods, seed=0):
    """Trains a network on the source task, fine-tunes all of it on the few labels, returns its accuracy on the test.

    Args:
        tasks: What `few_labels` or `renamed_classes` returned.
        methods: Function from the trained source model to a list of methods.
        seed: Integer.

    Returns:
        Float in [0, 1].
    """
    (source, octants), (few, labels), (test, test_labels) = tasks
    keras.utils.set_random_seed(seed)
    pretrained, model = _two_layers(8), _two_layers(int(labels.max()) + 1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    pretrained.compile(keras.optimizers.Adam(0.01), loss)
    pretrained.fit(source, octants, batch_size=100, epochs=20, verbose=0)
    for name in ("hidden", "features"):
        model.get_layer(name).set_weights(pretrained.get_layer(name).get_weights())
    transfer = TransferModel(model, methods(pretrained))
    transfer.compile(keras.optimizers.Adam(0.03), loss)
    transfer.fit(few, labels, batch_size=len(few), epochs=60, verbose=0)
    return float((model.predict(test, verbose=0).argmax(axis=1) == test_labels).mean())


def _two_layers(classes):
    entry = keras.Input((40,))
    hidden = keras.layers.Dense(32, activation="relu", name="hidden")(entry)
    features = keras.layers.Dense(16, activation="relu", name="features")(hidden)
    return keras.Model(entry, keras.layers.Dense(classes, name="logits")(features))
