"""The ordered weighted blocks of a backbone, the unit in which depth is counted."""

from dataclasses import dataclass

import keras

from tlkeras.backbones.graph import backbone_nodes, cuts_of, nodes_of
from tlkeras.layers.block_names import Unit, group
from tlkeras.layers.fake_quant import FakeQuant


@dataclass(frozen=True)
class Block:
    """Some layers, or some variables of a `HubLayer`, that are frozen and trained together.

    Attributes:
        name: Name of the block, such as `block_16` or `conv5_block3`.
        layers: Its Keras layers; the `HubLayer` where the block is a part of one.
        variables: Its weights, BatchNorm averages included.
    """

    name: str
    layers: tuple
    variables: tuple


def blocks(model) -> list:
    """Returns the weighted blocks of a backbone, from the input to the output.

    Residual blocks, inverted residuals and cells are one block each; elsewhere a weighted layer and the normalisation
    behind it. A hub SavedModel is divided in the same way, by the names of its variables in the order in which its
    graph reads them. Fixed preprocessing (`Normalization`) and the ranges of activations (`FakeQuant`) are no blocks.

    Args:
        model: Functional `keras.Model`: a backbone, or a model built on its output. What comes after the layer named
            `features` is the head and no block; without a layer of that name all of the model is the backbone.

    Returns:
        A list of `Block`.

    Raises:
        ValueError: If the model is not functional, or the backbone is a model inside the model.

    Example:
        >>> inputs = keras.Input((8,))
        >>> x = keras.layers.Dense(4, name="block_1_dense")(inputs)
        >>> x = keras.layers.BatchNormalization(name="block_1_bn")(x)
        >>> [block.name for block in blocks(keras.Model(inputs, keras.layers.Dense(2, name="block_2_dense")(x)))]
        ['block_1', 'block_2']
    """
    return [block for block, _ in placed_blocks(model)]


def placed_blocks(model) -> list:
    """Returns `(block, index of its first node among the backbone's nodes)` for each block."""
    nodes = backbone_nodes(model)
    cuts = cuts_of(nodes)
    units, members, segment, seen = [], [], 0, set()
    for index, node in enumerate(nodes):
        layer = node.operation
        if id(layer) not in seen:
            seen.add(id(layer))
            for unit, variables in _units(layer, segment):
                units.append(unit)
                members.append((layer, variables, index))
        segment += index in cuts
    found = []
    for name, indices in group(units).items():
        layers = tuple({id(members[i][0]): members[i][0] for i in indices}.values())
        variables = tuple(variable for i in indices for variable in members[i][1])
        found.append((Block(name, layers, variables), min(members[i][2] for i in indices)))
    return found


def head_variables(model) -> list:
    """Returns the weights of the layers after `features`; none where the model has no layer of that name.

    Example:
        >>> inputs = keras.Input((8,))
        >>> features = keras.layers.Dense(4, name="features")(inputs)
        >>> model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(features))
        >>> [variable.path for variable in head_variables(model)]
        ['logits/kernel', 'logits/bias']
    """
    return [variable for layer in head_layers(model) for variable in getattr(layer, "weights", ())]


def head_layers(model) -> list:
    """Returns the layers after `features`; none where the model has no layer of that name."""
    below = {id(node.operation) for node in backbone_nodes(model)}
    layers = {id(node.operation): node.operation for node in nodes_of(model) if id(node.operation) not in below}
    return list(layers.values())


def _units(layer, segment) -> list:
    if isinstance(layer, (keras.layers.Normalization, FakeQuant)) or not getattr(layer, "weights", None):
        return []
    if hasattr(layer, "variable_groups"):  # a HubLayer, which knows the order of its variables itself
        return [(unit, variables) for unit, variables in layer.variable_groups]
    # ConvNeXt packs normalisation and convolution into a Sequential; what has more in it is a whole network.
    if isinstance(layer, keras.Model) and len(blocks(layer)) > 2:
        raise ValueError(
            f"`model` must be flat, and `{layer.name}` is a model inside it: build the head on `backbone.output` "
            f"(`tlkeras.surgery.classifier`). Received: model={model_name(layer)}"
        )
    return [(Unit(layer.name, tuple(variable.name for variable in layer.weights), segment), layer.weights)]


def model_name(model) -> str:
    """Returns class and name of a model, for an error."""
    return f"<{type(model).__name__} {model.name}>"
