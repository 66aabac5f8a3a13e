"""A model cut in two, at a boundary between blocks or at a layer."""

import keras

from tlkeras.backbones.blocks import placed_blocks
from tlkeras.backbones.graph import FEATURES, backbone_nodes, cuts_of, nodes_of, output_of


def split(model, depth) -> tuple:
    """Cuts a model under its top `depth` blocks or at a layer, so that what is frozen can be run once and for all.

    Both halves are made of the layers of `model` itself: training the second trains `model`, which is saved and
    exported whole. The halves see Keras' inference mode and `model` in training alike only if no layer below the cut
    is random (the stochastic depth of EfficientNet is).

    Args:
        model: Functional `keras.Model`: a backbone, or a model built on one.
        depth: Number of blocks above the cut in 0..number of blocks - 1; with 0 the cut is at `features`. Or the name
            of the layer whose output is the cut, such as that of a preprocessing which takes strings.

    Returns:
        `(frozen, rest)`: a model from the inputs to the tensor at the cut, and one from there to the output.

    Raises:
        ValueError: If there are not so many blocks or no such layer, a hub SavedModel would have to be cut, more than
            one tensor crosses the boundary (NASNet's cells read the last two), or an output needs more than the tensor
            there.

    Example:
        >>> backbone = tlkeras.backbones.from_hub("saved_models/glyphs")
        >>> frozen, rest = split(tlkeras.surgery.classifier(backbone, 10), 0)
        >>> frozen.output_shape, rest.output_shape
        ((None, 128), (None, 10))
    """
    boundary = _boundary(model, depth)
    return keras.Model(model.input, boundary, name=f"{model.name}_frozen"), _above(model, boundary, depth)


def _above(model, boundary, depth):
    # Keras makes a model from an inner tensor itself, but names the input after nothing that a method could tap.
    name = depth if isinstance(depth, str) else FEATURES if depth == 0 else "boundary"
    inputs = keras.Input(batch_shape=tuple(boundary.shape), dtype=boundary.dtype, name=name)
    made = {id(boundary): inputs}
    for node in nodes_of(model):
        if node.parent_nodes and all(id(tensor) in made for tensor in node.input_tensors):
            arguments = keras.tree.map_structure(
                lambda value: made.get(id(value), value), (node.arguments.args, node.arguments.kwargs)
            )
            outputs = node.operation(*arguments[0], **arguments[1])
            keys = [id(tensor) for tensor in node.output_tensors]
            made.update(zip(keys, keras.tree.flatten(outputs), strict=True))
    lacking = [tensor.name for tensor in keras.tree.flatten(model.output) if id(tensor) not in made]
    if lacking:
        raise ValueError(
            "`model` must make its outputs of the tensor at the cut alone: no second input may reach the head, and no "
            f"output may come from below. Received: depth={depth}, outputs {lacking} of {model.name}"
        )
    outputs = keras.tree.map_structure(lambda tensor: made[id(tensor)], model.output)
    return keras.Model(inputs, outputs, name=f"{model.name}_rest")


def _boundary(model, depth):
    if isinstance(depth, str):
        return output_of(model, depth)
    placed = placed_blocks(model)
    if isinstance(depth, bool) or not isinstance(depth, int) or not 0 <= depth < max(1, len(placed)):
        raise ValueError(
            f"`depth` must be a number in 0..{len(placed) - 1}: below `model` there must be a block to freeze. "
            f"Received: depth={depth!r}"
        )
    nodes = backbone_nodes(model)
    if depth == 0:
        return output_of(model, FEATURES) if nodes[-1].operation.name == FEATURES else nodes[-1].output_tensors[0]
    first = min(place for _, place in placed[len(placed) - depth :])
    last = max(place for _, place in placed[: len(placed) - depth])
    cuts = {index: tensor for index, tensor in cuts_of(nodes).items() if last <= index < first}
    if not cuts:
        above, below = placed[len(placed) - depth][0], placed[len(placed) - depth - 1][0]
        raise ValueError(
            f"`depth` must be one where a single tensor crosses the boundary; between {below.name} and {above.name} "
            "there is none: a hub SavedModel is one layer (only depth 0 leaves it whole), and a cell may read two "
            f"cells before it. Received: depth={depth}"
        )
    return cuts[max(cuts)]
