"""Small pairs of domains in which a regressor of the source alone fails."""

import keras
import numpy as np

from tlkeras.data import pair
from tlkeras.layers import StandardizedError
from tlkeras.surgery import regressor
from tlkeras.transfer import TransferModel


def spurious_value(rows=600, seed=0):
    """Two inputs: the first is the value with noise in both domains, the second, with less noise, in the source only.

    In the target the second input is noise of three times the deviation of the values. Ignoring it gives an error of
    0.4 in both domains; a regressor of the source relies on it.

    Args:
        rows: Rows of each domain.
        seed: Integer.

    Returns:
        `(source, source_values, target, target_values)`, inputs float32 `(rows, 2)`, values `(rows,)` of mean 50 and
        deviation 10.

    Example:
        >>> spurious_value(rows=10)[0].shape
        (10, 2)
    """
    random = np.random.default_rng(seed)
    values, other = random.normal(size=rows), random.normal(size=rows)
    honest, honest_other = (y + random.normal(0, 0.5, rows) for y in (values, other))
    source = np.stack([honest, values + random.normal(0, 0.1, rows)], axis=1)
    target = np.stack([honest_other, random.normal(0, 3.0, rows)], axis=1)
    return source.astype("float32"), 50 + 10 * values, target.astype("float32"), 50 + 10 * other


def turned_plane(rows=600, angle=45.0, inputs=12, seed=0):
    """The same two hidden numbers in both domains, in another plane of the inputs: that of the target is turned away.

    The value is the first number. What a network makes of the directions in which only the target varies is what it
    started with, as the source says nothing of them.

    Args:
        rows: Rows of each domain.
        angle: Degrees between the planes.
        inputs: Inputs, at least 4.
        seed: Integer.

    Returns:
        `(source, source_values, target, target_values)`, inputs float32 `(rows, inputs)`, values `(rows,)` of mean 50
        and deviation 10.

    Example:
        >>> turned_plane(rows=10)[2].shape
        (10, 12)
    """
    random = np.random.default_rng(seed)
    basis = np.linalg.qr(random.normal(size=(inputs, 4)))[0]
    turned = np.cos(np.deg2rad(angle)) * basis[:, :2] + np.sin(np.deg2rad(angle)) * basis[:, 2:]
    numbers, other = random.normal(size=(2, rows, 2)) * [2.0, 1.0]
    noise = random.normal(0, 0.05, (2, rows, inputs))
    source, target = numbers @ basis[:, :2].T + noise[0], other @ turned.T + noise[1]
    return source.astype("float32"), 50 + 5 * numbers[:, 0], target.astype("float32"), 50 + 5 * other[:, 0]


def toy_error(domains, methods, seed=0, epochs=30, activation="relu"):
    """Trains a network of one hidden layer `features` and returns its error on the target, last epoch.

    Args:
        domains: What a function of this module returned.
        methods: List of methods; empty for training on the source alone.
        seed: Integer.
        epochs: Passes over the domains.
        activation: Of the hidden layer.

    Returns:
        Root mean squared error divided by the deviation of the target's values: 1 for answering with the mean.
    """
    inputs, values, target, target_values = domains
    keras.utils.set_random_seed(seed)
    entry = keras.Input((inputs.shape[1],))
    features = keras.layers.Dense(16, activation=activation, name="features")(entry)
    model = regressor(keras.Model(entry, features), targets=values)
    transfer = TransferModel(model, methods)
    transfer.compile(keras.optimizers.Adam(0.01), StandardizedError.of(model), jit_compile=False)
    transfer.fit(pair((inputs, values), target, batch_size=50, seed=seed), epochs=epochs, verbose=0, shuffle=False)
    errors = model.predict(target, verbose=0)[:, 0] - target_values
    return float(np.sqrt(np.mean(errors**2)) / target_values.std())
