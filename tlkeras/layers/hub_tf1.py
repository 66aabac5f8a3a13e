"""Makes a SavedModel of the TF1 format (also a TF1 hub module) fit to be checked, loaded and carried in a file.

The format is a graph for a session: training and inference side by side, a saver, variables that are references, and
signatures that name tensors. What is left here is one graph with only what the signatures and the initialisation of
tables need, and resource variables. Their values come from the checkpoint; nothing in the graph initialises them.
"""

from tensorflow.core.framework import function_pb2
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from tlkeras.layers.hub_tf1_variables import as_resources

_INIT_SIGNATURE, _MAIN_OP, _LEGACY_INIT = "__saved_model_init_op", "saved_model_main_op", "legacy_init_op"
_TABLES, _ASSETS = "table_initializer", "saved_model_assets"
_INIT = "tlkeras_init"


def is_tf1(saved_model) -> bool:
    """Tells whether `saved_model` has the TF1 format: several graphs, or one without an object graph."""
    graphs = saved_model.meta_graphs
    return len(graphs) != 1 or not graphs[0].object_graph_def.nodes


def inference_graph(saved_model, source: str):
    """Returns a `SavedModel` with the inference part of one graph of `saved_model`. Doing it twice changes nothing.

    Args:
        saved_model: A `SavedModel` message of the TF1 format.
        source: What to call it in an error.

    Raises:
        ValueError: If no single graph is for inference, it has no signature or is damaged, or a signature sets
            variables.
    """
    meta = _inference_meta_graph(saved_model, source)
    nodes = {node.name: node for node in meta.graph_def.node}
    signatures = {name: s for name, s in meta.signature_def.items() if name != _INIT_SIGNATURE and s.outputs}
    if not signatures:
        raise ValueError(f"`handle` must be a SavedModel with a signature; this one has none. Received: {source}")
    setters = {name for name, node in nodes.items() if node.op in ("Assign", "AssignVariableOp")}
    starts = sorted(_init_nodes(meta) - setters)
    try:
        kept = _closure(nodes, _tensors(signatures), set()) | _closure(nodes, starts, setters)
    except KeyError as error:
        raise ValueError(
            f"`handle` must be a whole SavedModel; its graph has no node {error}. Received: {source}"
        ) from error
    result = saved_model_pb2.SavedModel(saved_model_schema_version=saved_model.saved_model_schema_version)
    copy = result.meta_graphs.add(meta_info_def=meta.meta_info_def)
    copy.graph_def.versions.CopyFrom(meta.graph_def.versions)
    copy.graph_def.library.CopyFrom(meta.graph_def.library)
    copy.graph_def.node.extend(_without_controls(nodes[name], setters) for name in sorted(kept))
    if _INIT not in kept:
        copy.graph_def.node.add(name=_INIT, op="NoOp", input=[f"^{name}" for name in starts])
    copy.collection_def[_MAIN_OP].node_list.value.append(_INIT)
    copy.asset_file_def.extend(asset for asset in _assets(meta) if _node(asset.tensor_info.name) in kept)
    for name, signature in signatures.items():
        copy.signature_def[name].CopyFrom(signature)
    as_resources(copy, meta, _INIT, source)
    copy.graph_def.node.sort(key=lambda node: node.name)
    return result


def main_functions(meta) -> list:
    """Returns what the graph itself runs as `(FunctionDef, assets)`, to be judged like the functions of its library.

    Loading gives the paths of the assets to the initialisation only, so only there is an asset's tensor its path.

    Args:
        meta: The `MetaGraphDef` that `inference_graph` made.
    """
    nodes = {node.name: node for node in meta.graph_def.node}
    assets = {asset.tensor_info.name for asset in meta.asset_file_def}
    assets |= {name.removesuffix(":0") for name in assets}
    fed = {name for name in assets & set(nodes) if nodes[name].op == "Const"}
    initial = _closure(nodes, meta.collection_def[_MAIN_OP].node_list.value, set())
    others = (set(nodes) - initial) | _closure(nodes, _tensors(meta.signature_def), set())
    parts = []
    for names, known in ((initial - fed, frozenset(assets)), (others, frozenset())):
        part = function_pb2.FunctionDef(node_def=[nodes[name] for name in sorted(names)])
        part.signature.name = "the graph"
        parts.append((part, known))
    return parts


def _inference_meta_graph(saved_model, source):
    graphs = list(saved_model.meta_graphs)
    found = graphs if len(graphs) == 1 else [g for g in graphs if set(g.meta_info_def.tags) in (set(), {"serve"})]
    if len(found) != 1:
        raise ValueError(
            "`handle` must be a SavedModel with one graph for inference (the tag `serve`, or no tag). "
            f"Received: {source} with the tags {[sorted(graph.meta_info_def.tags) for graph in graphs]}"
        )
    return found[0]


def _node(tensor: str) -> str:
    return tensor.removeprefix("^").split(":")[0]


def _tensors(signatures) -> list:
    infos = [info for s in signatures.values() for info in (*s.inputs.values(), *s.outputs.values())]
    named = [info.name for info in infos]
    for info in infos:
        sparse = info.coo_sparse
        named += [sparse.values_tensor_name, sparse.indices_tensor_name, sparse.dense_shape_tensor_name]
        named += [component.name for component in info.composite_tensor.components]
    return [name for name in named if name]


def _init_nodes(meta) -> set:
    """Returns the nodes that loading runs, by TensorFlow's order of precedence."""
    if _INIT_SIGNATURE in meta.signature_def:
        return {_node(info.name) for info in meta.signature_def[_INIT_SIGNATURE].outputs.values()}
    for key in (_MAIN_OP, _LEGACY_INIT, _TABLES):
        if key in meta.collection_def:
            return {_node(name) for name in meta.collection_def[key].node_list.value}
    return set()


def _closure(nodes, ends, skipped) -> set:
    found, stack = set(), [_node(end) for end in ends]
    while stack:
        name = stack.pop()
        if name not in found:
            found.add(name)
            stack += [_node(entry) for entry in nodes[name].input if _node(entry) not in skipped]
    return found


def _without_controls(node, skipped):
    kept = type(node)()
    kept.CopyFrom(node)
    del kept.input[:]
    kept.input.extend(entry for entry in node.input if not (entry.startswith("^") and entry[1:] in skipped))
    return kept


def _assets(meta) -> list:
    if meta.asset_file_def:
        return list(meta.asset_file_def)
    found = []
    for packed in meta.collection_def[_ASSETS].any_list.value if _ASSETS in meta.collection_def else ():
        found.append(meta_graph_pb2.AssetFileDef())
        packed.Unpack(found[-1])
    return found
