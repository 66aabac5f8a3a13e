"""AdaBN: the statistics of BatchNormalization taken from another domain."""

import warnings

import keras
import numpy as np

from tlkeras.backbones.graph import nodes_of
from tlkeras.layers.hub_permission import permission_of


def adapt_norms(model, inputs, *, batch_size=32) -> keras.Model:
    """Copies a model and gives its BatchNormalization layers the statistics of new inputs.

    Each layer gets the mean and the variance, per channel, of all that reaches it from all of `inputs`, the layers
    below it being adapted already: over these inputs its output before scale and offset has mean 0 and variance 1. The
    order of the rows and `batch_size` play no part, as they would in a running average over batches. It costs a pass
    over `inputs` for every BatchNormalization on the longest way through the model, up to that layer. Masks are
    ignored.

    Deviation from the paper: there the statistics run on while images come; here all are counted once.

    Args:
        model: Functional `keras.Model` with BatchNormalization layers. It is not changed.
        inputs: What `model.predict` takes, without labels: an array, a structure of arrays, or a data set that can be
            read several times. At least 2 rows.
        batch_size: Rows of a batch, where `inputs` is arrays.

    Returns:
        A new `keras.Model` with weights of its own, all but the statistics equal.

    Raises:
        ValueError: If the model is not functional or has no BatchNormalization of its own, or `inputs` has fewer than
            2 rows or reaches a layer with values that are not finite.

    Warns:
        UserWarning: If a layer, such as a `HubLayer`, has BatchNormalization inside, which keeps its statistics.

    Example:
        >>> entry = keras.Input((1,))
        >>> model = keras.Model(entry, keras.layers.BatchNormalization(name="norm")(entry))
        >>> adapted = adapt_norms(model, np.array([[1.0], [3.0]]))
        >>> [round(float(value[0]), 3) for value in adapted.get_layer("norm").get_weights()[2:]]
        [2.0, 1.0]

    Reference:
        Li, Wang, Shi, Liu, Hou: Revisiting Batch Normalization For Practical Domain Adaptation, 2016,
        https://arxiv.org/abs/1603.04779
    """
    nodes_of(model)  # raises where the model is not functional
    with permission_of(model):
        adapted = keras.models.clone_model(model)
    adapted.set_weights(model.get_weights())
    for norms in _rounds(adapted):
        moments = [moment for node in norms for moment in _row_moments(node)]
        values = keras.Model(adapted.input, moments).predict(inputs, batch_size=batch_size, verbose=0)
        for node, mean, variance in zip(norms, values[::2], values[1::2], strict=True):
            _assign(node.operation, np.float64(mean), np.float64(variance))
    return adapted


def _rounds(model) -> list:
    """Returns the calls of BatchNormalization in groups; those of a group do not depend on each other."""
    below, rounds, hidden = {}, {}, []
    for node in nodes_of(model):
        layer, level = node.operation, max((below[id(parent)] for parent in node.parent_nodes), default=0)
        if isinstance(layer, keras.layers.BatchNormalization):
            rounds.setdefault(level, []).append(node)
            level += 1
        elif any("moving_mean" in variable.path for variable in getattr(layer, "weights", ())):
            hidden.append(layer.name)
        below[id(node)] = level
    if not rounds:
        raise ValueError(
            "`model` must have BatchNormalization layers of its own. "
            f"Received: layers {sorted({type(layer).__name__ for layer in model.layers})}, BatchNormalization inside "
            f"{hidden}"
        )
    if hidden:
        warnings.warn(
            f"BatchNormalization inside these layers cannot be reached and keeps its statistics: {hidden}", stacklevel=3
        )
    return [rounds[level] for level in sorted(rounds)]


def _row_moments(node):
    inputs = keras.ops.cast(node.input_tensors[0], "float32")
    axes = [axis for axis in range(1, len(inputs.shape)) if axis != node.operation.axis % len(inputs.shape)]
    if not axes:
        return inputs, keras.ops.zeros_like(inputs)
    return keras.ops.mean(inputs, axis=axes), keras.ops.var(inputs, axis=axes)


def _assign(norm, means, variances):
    if len(means) < 2:
        raise ValueError(f"`inputs` must have at least 2 rows. Received: {len(means)} rows")
    variance = variances.mean(axis=0) + means.var(axis=0)  # within the rows and between them
    if not np.isfinite(variance).all():
        raise ValueError(
            "`inputs` must be finite, and so must what the model makes of them. "
            f"Received: NaN or infinity at layer {norm.name}"
        )
    norm.moving_mean.assign(means.mean(axis=0))
    norm.moving_variance.assign(variance)
