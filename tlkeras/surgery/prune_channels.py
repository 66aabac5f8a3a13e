"""A narrower model: whole channels are removed, so that file and latency shrink."""

import numbers

import keras
import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from tlkeras.surgery.channel_graph import MAKERS, ChannelGraph

IMPORTANCES = ("l1", "gamma")


def prune_channels(model, keep=0.5, *, importance="l1", multiple=8, fixed=()) -> keras.Model:
    """Returns a copy of a model with the most important channels only, which is to be fine-tuned.

    The outputs of convolutions and Dense layers are cut, and whatever reads them with them: BatchNormalization,
    depthwise convolutions, pooling, Flatten, Reshape, Concatenate. Channels that meet in an `Add` or `Multiply` are
    kept or removed together. Inputs and outputs of the model keep their shape, layers their names. What the removed
    channels gave is lost: where that was zero the new model gives what the old one gave, elsewhere fine-tune it.

    `"l1"` is the sum of the absolute weights of a filter (Li et al.), `"gamma"` the absolute scale of the
    BatchNormalization behind it (Liu et al.), both as a share of the layer's mean; where several layers share a
    channel, their sum (as in DepGraph, Fang et al.).

    Args:
        model: Flat functional `keras.Model` without a `HubLayer`.
        keep: Share of the channels of each layer that stay, in (0, 1].
        importance: `"l1"` or `"gamma"`.
        multiple: Counts are rounded to a multiple of this, at least one, so that narrow layers are spared.
        fixed: Names of layers that keep all their channels. One that cannot be followed, such as a `Lambda`, is left as
            it is with all that it reads.

    Returns:
        A new `keras.Model` with weights of its own, to be compiled. What was frozen still is (`surgery.unfreeze`).

    Raises:
        ValueError: If the model is not functional, a layer cannot be followed, an argument is out of range, or with
            `"gamma"` a layer has no BatchNormalization with a scale behind it.

    Example:
        >>> inputs = keras.Input((4,))
        >>> x = keras.layers.Dense(32, "relu", name="features")(inputs)
        >>> model = keras.Model(inputs, keras.layers.Dense(3, name="logits")(x))
        >>> small = prune_channels(model, keep=0.25)
        >>> small.get_layer("features").units, small.output_shape
        (8, (None, 3))

    Reference:
        Li, Kadav, Durdanovic, Samet, Graf: Pruning Filters for Efficient ConvNets, 2017,
        https://arxiv.org/abs/1608.08710; Liu, Li, Shen, Huang, Yan, Zhang: Learning Efficient Convolutional Networks
        through Network Slimming, 2017, https://arxiv.org/abs/1708.06519; Fang, Ma, Song, Mi, Wang: DepGraph: Towards
        Any Structural Pruning, 2023, https://arxiv.org/abs/2301.12900
    """
    _check(model, keep, importance, multiple)
    graph = ChannelGraph(model, fixed)
    alive = _chosen(graph, _scores(model, graph, importance), keep, multiple)
    ins, outs = ({name: alive[classes] for name, classes in side.items()} for side in (graph.ins, graph.outs))

    def narrower(layer):
        if isinstance(layer, keras.layers.Lambda):
            return layer  # it has no weights, and Keras copies no function
        config = layer.get_config()
        if type(layer) in MAKERS and layer.name in outs:
            config["units" if "units" in config else "filters"] = int(outs[layer.name].sum())
        elif isinstance(layer, keras.layers.Reshape) and layer.name in outs:
            config["target_shape"] = (*config["target_shape"][:-1], int(outs[layer.name].sum()))
        return type(layer).from_config(config)

    narrow = keras.models.clone_model(model, clone_function=narrower)
    for layer in (layer for layer in model.layers if layer.weights):  # Keras may rename an input
        cut = [_cut(weight, layer, ins.get(layer.name), outs.get(layer.name)) for weight in layer.weights]
        narrow.get_layer(layer.name).set_weights(cut)
    return narrow


def _check(model, keep, importance, multiple):
    if not isinstance(getattr(model, "inputs", None), list):
        raise ValueError(f"`model` must be a functional `keras.Model`. Received: model={model!r}")
    if isinstance(keep, bool) or not isinstance(keep, numbers.Real) or not 0 < keep <= 1:
        raise ValueError(f"`keep` must be a number in (0, 1]. Received: keep={keep!r}")
    if importance not in IMPORTANCES:
        raise ValueError(f"`importance` must be one of {IMPORTANCES}. Received: importance={importance!r}")
    if isinstance(multiple, bool) or not isinstance(multiple, int) or multiple < 1:
        raise ValueError(f"`multiple` must be an integer >= 1. Received: multiple={multiple!r}")


def _scores(model, graph, importance):
    """Returns the importance of each class of channels."""
    scores, scored = (np.zeros(len(graph.removable), kind) for kind in (float, bool))
    names = [layer.name for layer in graph.makers]
    if importance == "gamma":
        norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization) and layer.scale]
        names = [layer.name for layer in norms if layer.name in graph.outs]
    for name in names:
        layer, classes = model.get_layer(name), graph.outs[name]
        filters = layer.pointwise_kernel if hasattr(layer, "pointwise_kernel") else getattr(layer, "kernel", None)
        weights = layer.gamma if importance == "gamma" else filters
        sizes = np.abs(keras.ops.convert_to_numpy(weights)).reshape(-1, len(classes)).sum(axis=0)
        np.add.at(scores, classes, sizes / (sizes.mean() or 1))
        scored[classes] = True
    unknown = [layer.name for layer in graph.makers if (graph.removable & ~scored)[graph.outs[layer.name]].any()]
    if unknown:
        raise ValueError(
            '`importance="gamma"` needs a BatchNormalization with a scale behind every layer that is cut: use "l1", or '
            f"name the layers without in `fixed`. Received: layers {unknown} without"
        )
    return scores


def _chosen(graph, scores, keep, multiple):
    """Returns which classes stay: of each group of layers that share channels the most important ones."""
    alive, made = ~graph.removable, [graph.outs[layer.name] for layer in graph.makers]
    layers = np.repeat(np.arange(len(made)), [len(classes) for classes in made])
    classes = np.concatenate([np.zeros(0, int), *made])
    shared = coo_matrix((np.ones(len(classes)), (layers, len(made) + classes)), shape=[len(made) + len(alive)] * 2)
    groups = connected_components(shared, directed=False)[1][len(made) :]
    for group in np.unique(groups[graph.removable]):
        members = np.flatnonzero((groups == group) & graph.removable)
        count = min(len(members), multiple * max(1, int(keep * len(members) / multiple + 0.5)))
        alive[members[np.argsort(-scores[members], kind="stable")[:count]]] = True
    for classes in made:
        if not alive[classes].any():  # beside more important layers in its group
            alive[classes[scores[classes].argmax()]] = True
    return alive


def _cut(weight, layer, read, given):
    """Returns the value of a weight for the channels that stay."""
    value = keras.ops.convert_to_numpy(weight)
    if given is None:  # a layer that is left as it is
        return value
    if weight.name == "pointwise_kernel":
        return value[..., np.repeat(read, layer.depth_multiplier), :][..., given]
    if weight.name == "depthwise_kernel" or "Depthwise" in type(layer).__name__ and weight.name == "kernel":
        return value[..., read, :]
    return value[..., read, :][..., given] if weight.name == "kernel" else value[..., given]
