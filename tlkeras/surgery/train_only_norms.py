"""Training that moves nothing but BatchNormalization."""

import math
import warnings

import keras


def train_only_norms(model) -> float:
    """Lets training move the scale and offset of every BatchNormalization, and freezes the rest.

    In training these layers use, and average, the statistics of the batch. Compile the model afterwards.

    Args:
        model: Keras model. It is changed in place.

    Returns:
        Share of the weights that training moves, in [0, 1].

    Raises:
        ValueError: If the model has no BatchNormalization with a scale or an offset.

    Warns:
        UserWarning: If a layer, such as a `HubLayer`, has BatchNormalization inside that cannot be reached and stays
            frozen.

    Example:
        >>> inputs = keras.Input((4,))
        >>> norm = keras.layers.BatchNormalization(name="norm")(keras.layers.Dense(8)(inputs))
        >>> model = keras.Model(inputs, norm)
        >>> share = train_only_norms(model)
        >>> [variable.path for variable in model.trainable_variables]
        ['norm/gamma', 'norm/beta']
    """
    hidden = []
    for layer in model._flatten_layers():  # a layer comes before those inside it, whose flags follow its own
        layer.trainable = any(_is_norm(part) for part in layer._flatten_layers())
        if layer.trainable and not _is_norm(layer):
            for variable in layer._trainable_variables:  # its own; its layers have their turn
                variable.trainable = False
        elif not layer.trainable and any("moving_mean" in variable.path for variable in layer.weights):
            hidden.append(layer.name)
    if not model.trainable_variables:
        raise ValueError(
            "`model` must have a BatchNormalization layer with a scale or an offset. Received: layers "
            f"{sorted({type(layer).__name__ for layer in model.layers})}, BatchNormalization inside {hidden}"
        )
    if hidden:
        warnings.warn(
            f"BatchNormalization inside these layers cannot be reached and stays frozen: {hidden}", stacklevel=2
        )
    if getattr(model, "compiled", False):
        model.compiled = False  # `fit` then asks for `compile`; Keras itself would go on with what was compiled
    moved, total = (sum(math.prod(v.shape) for v in part) for part in (model.trainable_variables, model.weights))
    return moved / total


def _is_norm(layer) -> bool:
    return isinstance(layer, keras.layers.BatchNormalization)
