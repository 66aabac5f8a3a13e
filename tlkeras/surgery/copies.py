"""Frozen copies of a model, and models that must not be frozen together."""

import keras

from tlkeras.layers.hub_permission import permission_of


def frozen_copy(model, scope):
    """Returns a copy of a functional model that no training moves.

    Args:
        model: Functional `keras.Model`.
        scope: Name that comes before the paths of its variables, so that they differ from those of `model`.

    Returns:
        A `keras.Model` with variables of its own, equal in value, none of them trainable.

    Raises:
        ValueError: If `model` is not functional.

    Example:
        >>> inputs = keras.Input((4,))
        >>> copy = frozen_copy(keras.Model(inputs, keras.layers.Dense(2, name="dense")(inputs)), "start")
        >>> [variable.path for variable in copy.weights], copy.trainable_weights
        (['start/dense/kernel', 'start/dense/bias'], [])
    """
    if not isinstance(getattr(model, "inputs", None), list):
        raise ValueError(f"`model` must be a functional `keras.Model`. Received: model={model!r}")
    with keras.name_scope(scope), permission_of(model):
        copy = keras.models.clone_model(model)
    copy.trainable = False
    assign_values(copy.weights, model.weights)
    return copy


def assign_values(variables, sources):
    """Assigns each of `sources` to the variable of the same rank in `variables`.

    A `HubLayer` that is restored from a file has no values until the weights are loaded; what is copied from it then
    comes from the same file, and stays as it is here.

    Args:
        variables: List of variables.
        sources: List of variables of the same shapes.

    Example:
        >>> here, there = keras.Variable([1.0]), keras.Variable([2.0])
        >>> assign_values([here], [there])
        >>> float(here[0])
        2.0
    """
    for variable, source in zip(variables, sources, strict=True):
        try:
            value = source.numpy()
        except ValueError:
            continue
        variable.assign(value)


def check_apart(name, frozen, model):
    """Raises if a model that is to be frozen holds variables of the trained one.

    Args:
        name: Name of the argument that holds the frozen model, for the error.
        frozen: Keras model or layer.
        model: Keras model.

    Raises:
        ValueError: If they share a variable.

    Example:
        >>> check_apart("teacher", keras.layers.Dense(2), keras.layers.Dense(2))
    """
    own = {id(variable) for variable in model.weights}
    shared = [variable.path for variable in frozen.weights if id(variable) in own]
    if shared:
        raise ValueError(
            f"`{name}` is frozen, so it must share no variable with the trained model: pass a copy "
            f"(`keras.models.clone_model`, then `set_weights`). Received: shared {shared[:4]}"
        )
