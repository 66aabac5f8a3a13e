"""Small tasks with few labels, each made for one thing that fine-tuning does wrong."""

import keras
import numpy as np

from tlkeras.transfer import TransferModel


def renamed_classes(per_class=2, rows=4000, seed=0):
    """A source task with many labels, and a target task of the same eight classes under other names, with few.

    The class is the octant of the input in three directions among forty. The classifier of the source knows the target
    classes, and fine-tuning throws it away.

    Args:
        per_class: Labelled rows of each target class.
        rows: Labelled rows of the source.
        seed: Integer.

    Returns:
        `((source, labels), (few, labels), (test, labels))`, inputs float32 `(rows, 40)`, labels 0 to 7, 1000 rows to
        test, for `fine_tuned_accuracy`.

    Example:
        >>> [inputs.shape for inputs, _ in renamed_classes(rows=50)]
        [(50, 40), (16, 40), (1000, 40)]
    """
    random = np.random.default_rng(seed)
    directions = np.linalg.qr(random.normal(size=(40, 3)))[0]

    def octants(count):
        inputs = random.normal(size=(count, 40))
        return inputs.astype("float32"), (inputs @ directions > 0).astype(int) @ [1, 2, 4]

    source, (inputs, labels), (test, test_labels) = octants(rows), octants(400 * per_class), octants(1000)
    few = np.concatenate([np.flatnonzero(labels == octant)[:per_class] for octant in range(8)])
    return source, (inputs[few], 7 - labels[few]), (test, 7 - test_labels)


def weak_direction(rows=60, seed=0):
    """Three features of which the weakest tells the few labelled rows apart, and nothing else.

    The first feature is `+-1` with noise of 0.5, so that it alone decides 98 % of the rows; the second is noise; the
    third is `+-0.5` with little noise, by the label in the labelled rows and by chance in the others. They are turned.

    Args:
        rows: Labelled rows.
        seed: Integer.

    Returns:
        `((few, labels), (test, labels))`, inputs float32 `(rows, 3)`, labels 0 or 1, 1000 rows to test.

    Example:
        >>> [inputs.shape for inputs, _ in weak_direction()]
        [(60, 3), (1000, 3)]
    """
    random = np.random.default_rng(seed)
    turn, parts = np.linalg.qr(random.normal(size=(3, 3)))[0], []
    for count, misleads in ((rows, True), (1000, False)):
        labels = random.integers(0, 2, count)
        signs = 2 * labels - 1
        noise = random.normal(size=(count, 3))
        weak = signs if misleads else random.choice([-1, 1], count)
        features = np.stack([signs + 0.5 * noise[:, 0], noise[:, 1], 0.5 * weak + 0.05 * noise[:, 2]], axis=1)
        parts.append(((features @ turn).astype("float32"), labels))
    return tuple(parts)


def linear_accuracy(parts, methods, seed=0, steps=200):
    """Trains a linear layer `features`, from the identity on, and its head, and returns the accuracy on the test rows.

    Args:
        parts: What `weak_direction` returned.
        methods: List of methods.
        seed: Integer.
        steps: Steps, each on all labelled rows.

    Returns:
        Float in [0, 1].
    """
    (few, labels), (test, test_labels) = parts
    keras.utils.set_random_seed(seed)
    entry = keras.Input(few.shape[1:])
    features = keras.layers.Dense(few.shape[1], kernel_initializer="identity", name="features")(entry)
    model = keras.Model(entry, keras.layers.Dense(2, name="logits")(features))
    transfer = TransferModel(model, methods)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    transfer.compile(keras.optimizers.Adam(0.03), loss, jit_compile=keras.backend.backend() == "jax")
    repeated = np.tile(few, (steps, 1)), np.tile(labels, steps)  # in one epoch: each has its cost
    transfer.fit(*repeated, batch_size=len(few), shuffle=False, verbose=0)
    return float((model.predict(test, verbose=0).argmax(axis=1) == test_labels).mean())
