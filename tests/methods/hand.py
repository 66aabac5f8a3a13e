"""One step of a method's term alone on two linear layers, to compare with what is derived by hand."""

import keras
import numpy as np

from tlkeras.transfer import Batch, TransferModel


def one_step(method, xs, xt, labels=None, *, width=2, classes=3, activation=None, rate=1.0, strong=None, kernels=None):
    """Returns `(term, before, after)` of one SGD step; the latter two are `(encoder, head)` in float64.

    The model is `head(activation(x @ encoder))` without bias; the supervised loss has weight 0. `strong` holds the rows
    of a view `target_strong`, `kernels` the `(encoder, head)` to start from.
    """
    keras.utils.set_random_seed(0)
    inputs = keras.Input((xs.shape[1],))
    features = keras.layers.Dense(width, activation, use_bias=False, name="features")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(classes, use_bias=False, name="logits")(features))
    if kernels is not None:
        model.set_weights(kernels)
    transfer = TransferModel(model, [method])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    transfer.compile(keras.optimizers.SGD(rate), loss, run_eagerly=True)
    before = [value.astype("float64") for value in model.get_weights()]
    views = {"source": xs.astype("float32"), "target": xt.astype("float32")}
    if strong is not None:
        views["target_strong"] = strong.astype("float32")
    labels = np.zeros(len(xs), int) if labels is None else labels
    logs = transfer.train_on_batch(views, {"source": labels}, {"source": np.zeros(len(xs))}, return_dict=True)
    return logs[method.name], before, [value.astype("float64") for value in model.get_weights()]


def batch_of(xs, xt, labels):
    """Returns a batch in which the inputs are the features and the logits too."""
    xs, xt, labels = (keras.ops.convert_to_tensor(value) for value in (xs, xt, labels))
    views = {view: {"features": rows, "logits": rows} for view, rows in (("source", xs), ("target", xt))}
    return Batch(views, {"source": labels}, keras.ops.zeros((), dtype="int32"))


def slope(function, at, step=1e-5):
    """Returns the gradient of a scalar function of an array, by central differences."""
    gradient = np.zeros_like(at)
    for index in np.ndindex(at.shape):
        moved = np.zeros_like(at)
        moved[index] = step
        gradient[index] = (function(at + moved) - function(at - moved)) / (2 * step)
    return gradient


def softmax(z):
    """Returns the softmax of every row."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def squared(x, y):
    """Returns the squared distance of every row of `x` to every row of `y`."""
    return ((x[:, None] - y[None]) ** 2).sum(-1)
