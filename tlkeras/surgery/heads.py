"""Task heads on a backbone."""

import numbers

import keras

from tlkeras.backbones.graph import FEATURES, output_of


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
    if not isinstance(getattr(backbone, "inputs", None), list):
        raise ValueError(f"`backbone` must be a functional `keras.Model`. Received: backbone={backbone!r}")
    if len(backbone.output.shape) != 2:
        raise ValueError(
            "`backbone` must return one vector a row, (batch, features): pool its output first. "
            f"Received: output shape {tuple(backbone.output.shape)}"
        )
    for argument, size in {"num_classes": num_classes, "bottleneck": 1 if bottleneck is None else bottleneck}.items():
        if isinstance(size, bool) or not isinstance(size, numbers.Integral) or size < 1:
            raise ValueError(f"`{argument}` must be an integer >= 1. Received: {argument}={size!r}")
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
    logits = keras.layers.Dense(int(num_classes), kernel_initializer=kernel_initializer, name="logits")(x)
    return keras.Model(backbone.input, logits, name=name)
