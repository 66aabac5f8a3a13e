"""Which functions of a SavedModel can run, and which of their arguments are the model's own asset files."""

import re
from collections import defaultdict
from collections.abc import Iterator

from tlkeras.layers.hub_tf1 import main_functions

TEXT_FILE_TABLE = re.compile(r"InitializeTableFromTextFile(V2)?")

_CALLS = {"PartitionedCall", "StatefulPartitionedCall"}


def reachable_functions(meta) -> Iterator[tuple]:
    """Yields `(function, assets)` for every function that the object graph can run, once for each set of assets.

    The roots are all concrete functions of the object graph: `__call__`, signatures, regularisation losses, the
    `_create_resource`, `_initialize` and `_destroy_resource` of tables, and the save and restore functions of objects
    with their own state. Edges are calls by name, function attributes, registered gradients, the other functions of
    the same `api_implements` (TensorFlow puts the one for its device in the place of the one that is called) and, to be
    on the safe side, any string attribute that equals the name of a function. In the TF1 format the graph itself is
    the root, in two parts.

    Args:
        meta: The `MetaGraphDef`.

    Yields:
        The `FunctionDef` and the frozen set of the names of its arguments that are certain to be asset paths.
    """
    library = {function.signature.name: function for function in meta.graph_def.library.function}
    gradients = {g.registered_op_type: g.gradient_func for g in meta.graph_def.library.registered_gradients}
    gradients |= {g.function_name: g.gradient_func for g in meta.graph_def.library.gradient}
    twins = _twins(library)
    stack = [(library[name], assets) for name, assets in _roots(meta.object_graph_def, library) if name in library]
    seen = {(function.signature.name, assets) for function, assets in stack}
    stack += main_functions(meta) if not meta.object_graph_def.nodes else []
    while stack:
        function, assets = stack.pop()
        yield function, assets
        for name, passed in _callees(function, assets, library, gradients, twins):
            if (name, passed) not in seen:
                seen.add((name, passed))
                stack.append((library[name], passed))


def text_file_is_asset(node, function, assets: frozenset) -> bool:
    """Tells whether the file that an `InitializeTableFromTextFile` node reads is an asset of the SavedModel."""
    return len(node.input) > 1 and _argument(node.input[1], function) in assets


def _roots(object_graph, library) -> list:
    names = set(object_graph.concrete_functions)
    for node in object_graph.nodes:
        names.update(node.function.concrete_functions)
        names.add(node.bare_concrete_function.concrete_function_name)
        names.add(node.captured_tensor.concrete_function)
    roots = []
    for name in sorted(names & set(library)):
        arguments = [argument.name for argument in library[name].signature.input_arg]
        # get(), not []: reading a missing key of a protobuf map adds it.
        concrete = object_graph.concrete_functions.get(name)
        bound = list(concrete.bound_inputs) if concrete else []
        captured = arguments[len(arguments) - len(bound) :] if len(bound) <= len(arguments) else []
        assets = (a for a, i in zip(captured, bound, strict=False) if _is_asset(object_graph, i))
        roots.append((name, frozenset(assets)))
    return roots


def _is_asset(object_graph, index: int) -> bool:
    return 0 <= index < len(object_graph.nodes) and object_graph.nodes[index].WhichOneof("kind") == "asset"


def _callees(function, assets, library, gradients, twins) -> set:
    found = set()
    for node in function.node_def:
        for name in _named(node.attr, gradients) | {node.op, gradients.get(node.op)}:
            if name in library:
                direct = name == node.op or (node.op in _CALLS and name == node.attr["f"].func.name)
                passed = _passed_assets(node, function, assets, library[name]) if direct else frozenset()
                found.add((name, passed))
    own = _named(function.attr, gradients) | {gradients.get(function.signature.name)}
    own = own.union(*(twins[text] for text in own if text in twins))
    found.update((name, frozenset()) for name in own if name in library)
    return found


def _twins(library) -> dict:
    twins = defaultdict(set)
    for name, function in library.items():
        if "api_implements" in function.attr:
            twins[function.attr["api_implements"].s.decode("utf-8", "replace")].add(name)
    return twins


def _named(attributes, gradients) -> set:
    names = set()
    for value in attributes.values():
        functions = [value.func, *value.list.func] if value.HasField("func") else list(value.list.func)
        while functions:
            function = functions.pop()
            names.add(function.name)
            names |= _named(function.attr, gradients)
        texts = {text.decode("utf-8", "replace") for text in (value.s, *value.list.s)}
        names |= texts | {gradients.get(text) for text in texts}
    return names | {gradients.get(name) for name in names}


def _passed_assets(node, function, assets, callee) -> frozenset:
    values = [name for name in node.input if not name.startswith("^")]
    arguments = callee.signature.input_arg
    if not assets or len(values) != len(arguments):
        return frozenset()
    return frozenset(a.name for a, value in zip(arguments, values, strict=True) if _argument(value, function) in assets)


def _argument(tensor: str, function) -> str | None:
    """Follows Identity nodes back to an argument of the function; None where the value is computed."""
    nodes = {node.name: node for node in function.node_def}
    for _ in range(len(nodes) + 1):
        node = nodes.get(tensor.split(":")[0])
        if node is None:
            return tensor
        if node.op != "Identity":
            return None
        tensor = node.input[0]
    return None
