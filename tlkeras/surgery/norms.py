"""Other normalisation in a pretrained model."""

import keras

from tlkeras.layers.hub_layer import HubLayer
from tlkeras.layers.stoch_norm import StochNorm


def stoch_norm(model, p=0.5) -> keras.Model:
    """Replaces every BatchNormalization of a model by `StochNorm` with the same weights.

    Outside training the new model gives what the old one gives. Compile it anew.

    Args:
        model: Functional `keras.Model` with BatchNormalization layers.
        p: Probability in [0, 1] that a channel is normalised by its moving averages.

    Returns:
        A new `keras.Model` with weights of its own, the layers named as before.

    Raises:
        ValueError: If the model is not functional, has no BatchNormalization, or holds a `HubLayer`, whose layers
            cannot be reached, or another layer with BatchNormalization inside; if `p` is outside [0, 1].

    Example:
        >>> inputs = keras.Input((4,))
        >>> model = keras.Model(inputs, keras.layers.BatchNormalization(name="norm")(inputs))
        >>> type(stoch_norm(model).get_layer("norm")).__name__
        'StochNorm'

    Reference:
        Kou, You, Long, Wang: Stochastic Normalization, 2020,
        https://papers.nips.cc/paper/2020/hash/bc573864331a9e42e4511de6f678aa83-Abstract.html
    """
    changed = replaced(model, lambda layer: StochNorm.from_config({**layer.get_config(), "p": p}))
    changed.set_weights(model.get_weights())
    return changed


def replaced(model, make) -> keras.Model:
    """Returns a copy of a model, without its weights, in which other layers stand for BatchNormalization.

    Args:
        model: Functional `keras.Model`.
        make: Function from a BatchNormalization to the new layer that takes its place.

    Raises:
        ValueError: As in `stoch_norm`.

    Example:
        >>> inputs = keras.Input((4,))
        >>> model = keras.Model(inputs, keras.layers.BatchNormalization()(inputs))
        >>> replaced(model, lambda layer: keras.layers.BatchNormalization(momentum=0.5)).layers[-1].momentum
        0.5
    """
    if not isinstance(getattr(model, "inputs", None), list):
        raise ValueError(f"`model` must be a functional `keras.Model`. Received: model={model!r}")
    hub = [layer.name for layer in model.layers if isinstance(layer, HubLayer)]
    if hub:
        raise ValueError(
            "`model` must be made of Keras layers: a HubLayer runs a SavedModel, whose BatchNorm cannot be replaced. "
            f"Received: HubLayer {hub}"
        )
    made = []

    def replacement(layer):
        if not isinstance(layer, keras.layers.BatchNormalization):
            return type(layer).from_config(layer.get_config())
        made.append(make(layer))
        return made[-1]

    changed = keras.models.clone_model(model, clone_function=replacement, recursive=True)
    new = {id(part) for layer in made for part in layer._flatten_layers()}

    def unreached(part):
        return isinstance(part, keras.layers.BatchNormalization) and id(part) not in new

    left = [layer.name for layer in changed.layers if any(map(unreached, layer._flatten_layers()))]
    if left:
        raise ValueError(
            "`model` must hold its BatchNormalization as layers of its own, or of models inside it; inside another "
            f"layer it cannot be replaced. Received: BatchNormalization inside {left}"
        )
    if not made:
        raise ValueError(
            "`model` must have BatchNormalization layers. "
            f"Received: layers {sorted({type(layer).__name__ for layer in model.layers})}"
        )
    return changed
