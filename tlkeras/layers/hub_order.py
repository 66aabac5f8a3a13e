"""In which order the graph of a SavedModel reads its variables, and which of them belong to one block."""

import tensorflow as tf

from tlkeras.layers.block_names import Unit


def variable_units(function, variables) -> list:
    """Returns the variables that `function` reads as `(Unit, [index of each])`, in execution order.

    Variables of one folder (`Conv1/kernel`, `Conv1/bias`) are one unit. Variables that are never read are left out.

    Args:
        function: Restored `tf.Function` of a SavedModel.
        variables: Its `tf.Variable`s.
    """
    order = []
    for concrete in function.concrete_functions:  # one for training, one for inference: read much the same
        order += [index for index in _reads(concrete, variables) if index not in order]
    folders = {}
    for index in order:
        folder, _, leaf = variables[index].name.split(":")[0].rpartition("/")
        folders.setdefault(folder or leaf, []).append((leaf, index))
    return [
        (Unit(folder, tuple(leaf for leaf, _ in found)), [index for _, index in found])
        for folder, found in folders.items()
    ]


def _reads(concrete, variables) -> list:
    """Returns the indices of `variables` in the order in which `concrete` first reads them."""
    if any(isinstance(variable, tf.distribute.DistributedValues) for variable in variables):
        return list(range(len(variables)))  # under a strategy a variable has no single handle; this is creation order
    index_of = {id(variable.handle): index for index, variable in enumerate(variables)}
    captured = {
        placeholder.op.name: index_of[id(handle)]
        for handle, placeholder in concrete.graph.captures
        if id(handle) in index_of
    }
    graph = concrete.graph.as_graph_def()
    library = {function.signature.name: function for function in graph.library.function}
    outputs = [tensor.op.name for tensor in concrete.outputs]
    order = []
    _walk(graph.node, outputs, captured, library, order)
    return order


def _walk(nodes, ends, held, library, order) -> None:
    """Visits the nodes behind `ends`, inputs first, and appends to `order` the variables that are read.

    Args:
        nodes: `NodeDef`s of a graph or of a function's body.
        ends: Names of the tensors that are returned.
        held: `{argument that is a variable's handle: index of the variable}`.
        library: `{name: FunctionDef}` for calls.
        order: List to append to.
    """
    by_name = {node.name: node for node in nodes}
    done, stack = set(), [(name, False) for name in reversed([_node_name(end) for end in ends])]
    while stack:
        name, ready = stack.pop()
        node = by_name.get(name)
        if ready:
            _read(node, held, library, order)
        elif name not in done:
            done.add(name)
            if name in held or node is None:
                continue
            stack.append((name, True))
            stack.extend((_node_name(value), False) for value in reversed(node.input))


def _read(node, held, library, order) -> None:
    values = [_node_name(value) for value in node.input if not value.startswith("^")]
    called = [library[name] for name in _function_names(node) if name in library]
    if called:
        for function in called:
            arguments = [argument.name for argument in function.signature.input_arg]
            # Conditions come before the arguments (If, Case); a call has the same number of both.
            passed = dict(zip(reversed(arguments), reversed(values), strict=False))
            inner = {argument: held[value] for argument, value in passed.items() if value in held}
            _walk(function.node_def, function.ret.values(), inner, library, order)
    else:
        order.extend(held[value] for value in values if value in held and held[value] not in order)


def _function_names(node) -> list:
    names = [node.op]
    for value in node.attr.values():
        names += [value.func.name, *(function.name for function in value.list.func)]
    return names


def _node_name(tensor: str) -> str:
    return tensor.lstrip("^").split(":")[0]
