"""The graph of a functional Keras model: its layers in execution order, and where it can be cut in two."""

import keras

FEATURES = "features"


def nodes_of(model) -> list:
    """Returns the calls of layers in `model` in execution order.

    A layer that other models call as well has more nodes than these; reading `layer.output` then raises, so that
    everything that looks into a model goes through its own nodes.

    Raises:
        ValueError: If `model` is not functional.
    """
    depths = getattr(model, "_nodes_by_depth", None)  # Keras has no public name for it
    if depths is None and isinstance(model, keras.Sequential) and model.built:
        model = model._functional
        depths = model._nodes_by_depth
    if depths is None:
        raise ValueError(f"`model` must be a functional `keras.Model`. Received: model={model!r}")
    return [node for depth in sorted(depths, reverse=True) for node in depths[depth]]


def output_of(model, name: str):
    """Returns the symbolic output of the layer called `name` within `model`.

    Raises:
        ValueError: If there is no such layer, or it is called more than once.
    """
    found = [node for node in nodes_of(model) if node.operation.name == name]
    if len(found) != 1:
        names = [node.operation.name for node in nodes_of(model)]
        raise ValueError(f"`model` must call one layer {name!r} once. Received: layers {names}")
    outputs = found[0].output_tensors
    return outputs[0] if len(outputs) == 1 else found[0].operation.output


def backbone_nodes(model) -> list:
    """Returns the nodes up to the layer `features`, or all of them where no layer has that name."""
    nodes = nodes_of(model)
    ends = [node for node in nodes if node.operation.name == FEATURES]
    if not ends:
        return nodes
    wanted, stack = set(), ends[:1]
    while stack:
        node = stack.pop()
        if id(node) not in wanted:
            wanted.add(id(node))
            stack.extend(node.parent_nodes)
    return [node for node in nodes if id(node) in wanted]


def cuts_of(nodes) -> dict:
    """Returns the places where a single tensor connects what was run with what was not.

    Args:
        nodes: Calls of layers in execution order.

    Returns:
        `{index: tensor}`: once `nodes[: index + 1]` have run, the rest needs this tensor only.
    """
    last_use = {id(tensor): index for index, node in enumerate(nodes) for tensor in node.input_tensors}
    for tensor in (tensor for node in nodes for tensor in node.output_tensors):
        last_use.setdefault(id(tensor), len(nodes))
    last_input = max((index for index, node in enumerate(nodes) if not node.parent_nodes), default=0)
    open_tensors, cuts = {}, {}
    for index, node in enumerate(nodes):
        open_tensors.update({id(tensor): tensor for tensor in node.output_tensors})
        open_tensors = {key: tensor for key, tensor in open_tensors.items() if last_use[key] > index}
        if len(open_tensors) == 1 and index >= last_input:
            cuts[index] = next(iter(open_tensors.values()))
    return cuts
