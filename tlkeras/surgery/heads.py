"""Task heads on a backbone."""

import numbers

import keras
import numpy as np

from tlkeras.backbones.graph import FEATURES, output_of
from tlkeras.data.checks import check_values
from tlkeras.surgery.answers import LABEL_LOGITS, LOGITS, STANDARDIZED, VALUES


def classifier(backbone, num_classes, *, bottleneck=None, dropout=0.0, kernel_initializer="glorot_uniform", name=None):
    """Puts a classification head on a backbone, in one flat graph with named layers.

    `features` (the backbone's output), then, with a bottleneck, Dense + BatchNormalization + ReLU ending in the layer
    `bottleneck`, then a linear Dense named `logits`. Methods tap these names.

    Args:
        backbone: Functional `keras.Model` whose output is `(batch, features)`.
        num_classes: Number of logits, >= 1.
        bottleneck: Width of the bottleneck, or None for none.
        dropout: Rate of the dropout before the logits, in [0, 1).
        kernel_initializer: Of both Dense layers. Where methods read the predictions from the first step on (MCC, CDAN,
            MDD), a small one, so that they start undecided: `VarianceScaling(1 / 3, "fan_in", "uniform")` is PyTorch's.
        name: Name of the model.

    Returns:
        Functional `keras.Model` from the backbone's input to logits `(batch, num_classes)`. It shares the backbone's
        layers and weights.

    Raises:
        ValueError: If the backbone is not functional or its output is not of rank 2, or an argument is out of range.

    Example:
        >>> inputs = keras.Input((4,))
        >>> backbone = keras.Model(inputs, keras.layers.Dense(8)(inputs))
        >>> [layer.name for layer in classifier(backbone, 3, bottleneck=5).layers][-3:]
        ['bottleneck_norm', 'bottleneck', 'logits']
    """
    _check_sizes(num_classes=num_classes)
    x = _trunk(backbone, bottleneck, dropout, kernel_initializer)
    logits = keras.layers.Dense(int(num_classes), kernel_initializer=kernel_initializer, name=LOGITS)(x)
    return keras.Model(backbone.input, logits, name=name)


def multi_label(backbone, num_labels, *, bottleneck=None, dropout=0.0, kernel_initializer="glorot_uniform", name=None):
    """Puts a head on a backbone that says of each of several labels whether it applies; any number of them may.

    As `classifier`, and the last layer is `label_logits`: the sigmoid of each is the probability of that label. Train
    it with `keras.losses.BinaryCrossentropy(from_logits=True)` on labels `(batch, num_labels)` of 0 and 1. Methods that
    read features take it, those that read classes refuse it.

    Args:
        backbone: As in `classifier`.
        num_labels: Number of labels, >= 1.
        bottleneck: As in `classifier`.
        dropout: As in `classifier`.
        kernel_initializer: As in `classifier`.
        name: Name of the model.

    Returns:
        Functional `keras.Model` from the backbone's input to logits `(batch, num_labels)`.

    Raises:
        ValueError: As in `classifier`.

    Example:
        >>> inputs = keras.Input((4,))
        >>> multi_label(keras.Model(inputs, keras.layers.Dense(8)(inputs)), 5).layers[-1].name
        'label_logits'
    """
    _check_sizes(num_labels=num_labels)
    x = _trunk(backbone, bottleneck, dropout, kernel_initializer)
    logits = keras.layers.Dense(int(num_labels), kernel_initializer=kernel_initializer, name=LABEL_LOGITS)(x)
    return keras.Model(backbone.input, logits, name=name)


def regressor(backbone, num_outputs=1, *, bottleneck=None, dropout=0.0, targets=None, name=None):
    """Puts a regression head on a backbone: linear outputs in the layer `values`, float32 whatever the policy.

    With `targets`, the Dense layer `standardized` learns numbers of mean 0 and deviation 1, and `values` is a fixed
    `Rescaling` to the units of the targets, so that what ships gives those. `StandardizedError.of(model)` is the loss
    that does not depend on the units; a plain squared error grows with their square and drowns the methods.

    Args:
        backbone: As in `classifier`.
        num_outputs: Numbers predicted of each row, >= 1.
        bottleneck: As in `classifier`.
        dropout: As in `classifier`.
        targets: Array `(rows,)` or `(rows, num_outputs)` of training targets, or None to learn them as they are.
        name: Name of the model.

    Returns:
        Functional `keras.Model` from the backbone's input to values `(batch, num_outputs)`.

    Raises:
        ValueError: As in `classifier`, or if targets are not finite numbers of that width, or one never changes.

    Example:
        >>> inputs = keras.Input((4,))
        >>> backbone = keras.Model(inputs, keras.layers.Dense(8)(inputs))
        >>> [layer.name for layer in regressor(backbone, targets=np.array([100.0, 300.0])).layers][-2:]
        ['standardized', 'values']
    """
    _check_sizes(num_outputs=num_outputs)
    if targets is not None:
        check_values(targets, num_outputs)
    x = _trunk(backbone, bottleneck, dropout, "glorot_uniform")
    if targets is None:
        values = keras.layers.Dense(int(num_outputs), name=VALUES, dtype="float32")(x)
        return keras.Model(backbone.input, values, name=name)
    targets = np.asarray(targets, "float64").reshape(-1, int(num_outputs))
    scale, offset = targets.std(axis=0).tolist(), targets.mean(axis=0).tolist()
    x = keras.layers.Dense(int(num_outputs), name=STANDARDIZED, dtype="float32")(x)
    values = keras.layers.Rescaling(scale, offset, name=VALUES, dtype="float32")(x)
    return keras.Model(backbone.input, values, name=name)


def _check_sizes(**sizes):
    for argument, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, numbers.Integral) or size < 1:
            raise ValueError(f"`{argument}` must be an integer >= 1. Received: {argument}={size!r}")


def _trunk(backbone, bottleneck, dropout, kernel_initializer):
    """Returns what the last layer of a head reads: `features`, bottleneck and dropout on the backbone."""
    if not isinstance(getattr(backbone, "inputs", None), list):
        raise ValueError(f"`backbone` must be a functional `keras.Model`. Received: backbone={backbone!r}")
    if len(backbone.output.shape) != 2:
        raise ValueError(
            "`backbone` must return one vector a row, (batch, features): pool its output first. "
            f"Received: output shape {tuple(backbone.output.shape)}"
        )
    _check_sizes(bottleneck=1 if bottleneck is None else bottleneck)
    if isinstance(dropout, bool) or not isinstance(dropout, numbers.Real) or not 0 <= dropout < 1:
        raise ValueError(f"`dropout` must be a number in [0, 1). Received: dropout={dropout!r}")
    x = backbone.output
    named = any(layer.name == FEATURES for layer in backbone.layers)
    if named and output_of(backbone, FEATURES) is not x:
        raise ValueError(
            "`backbone` has an inner layer named `features`, which methods would tap instead of its output: rename it. "
            f"Received: backbone={backbone.name}"
        )
    if not named:
        x = keras.layers.Identity(name=FEATURES)(x)
    if bottleneck is not None:
        x = keras.layers.Dense(int(bottleneck), kernel_initializer=kernel_initializer, name="bottleneck_dense")(x)
        x = keras.layers.BatchNormalization(name="bottleneck_norm")(x)
        x = keras.layers.ReLU(name="bottleneck")(x)
    if dropout:
        x = keras.layers.Dropout(dropout, name="head_dropout")(x)
    return x
