"""The variables of a TF1 graph: references become resources, and values come from the checkpoint by name."""

import re

import tensorflow as tf
from tensorflow.core.framework import variable_pb2
from tensorflow.core.protobuf import saved_model_pb2

_VARIABLES, _VALUE = "variables", "tlkeras_value"
# A collection of its own: where TensorFlow sees slices among the variables it does not lift them.
_SLICES = "tlkeras_slices"
_REFERENCES = ("VariableV2", "Variable")
# The same operation for values; any other operation on a reference sets it.
_FOR_REFERENCES = re.compile(r"Ref(Switch|Merge|Enter|Exit|Identity|NextIteration|Select)")
_SETTERS = re.compile(r"Assign.*|Scatter.*|(Resource)?(Sparse)?Apply.*|CountUpTo|IsVariableInitialized")


def as_resources(meta, original, initializer: str, source: str) -> None:
    """Makes every variable of the graph in `meta` a resource variable that TensorFlow lifts out when it loads.

    A reference `w` becomes a handle `w` and a reading of it; who took `w` takes the reading. TensorFlow would load
    references too, but as state of the graph, which nothing can carry away.

    Args:
        meta: The `MetaGraphDef` to change.
        original: The one that it was cut out of, whose collection knows the slices of partitioned variables.
        initializer: Name of a node that stands for the initialiser, which a variable must have.
        source: What to call it in an error.

    Raises:
        ValueError: If an operation sets a reference.
    """
    nodes = {node.name: node for node in meta.graph_def.node}
    references = {name for name, node in nodes.items() if node.op in _REFERENCES}
    for node in meta.graph_def.node:
        taken = [index for index, entry in enumerate(node.input) if entry.removesuffix(":0") in references]
        if taken and _SETTERS.fullmatch(node.op):
            raise ValueError(
                "A signature of the TF1 format must only read its variables; this one trains. Use the graph that was "
                f"exported for inference. Received: operation {node.op} ({node.name}) in {source}"
            )
        for index in taken:
            node.input[index] = _value_name(node.input[index].removesuffix(":0"))
        node.op = _FOR_REFERENCES.sub(r"\1", node.op)
    known = _definitions(original)
    for name, node in nodes.items():
        if node.op in _REFERENCES:
            node.op = "VarHandleOp"
            node.attr.pop("_output_shapes", None)  # of the value; a handle is a scalar
        if node.op == "VarHandleOp":
            if _value_name(name) not in nodes:
                value = meta.graph_def.node.add(name=_value_name(name), op="ReadVariableOp", input=[name])
                value.attr["dtype"].CopyFrom(node.attr["dtype"])
            defined = variable_pb2.VariableDef(
                variable_name=f"{name}:0",
                initializer_name=initializer,
                snapshot_name=f"{_value_name(name)}:0",
                is_resource=True,
            )
            meta.collection_def[_VARIABLES].bytes_list.value.append(defined.SerializeToString())
            if name in known and known[name].HasField("save_slice_info_def"):
                meta.collection_def[_SLICES].bytes_list.value.append(known[name].SerializeToString())


def restore_by_name(graph: bytes, variables, prefix: str) -> None:
    """Reads the values of `variables` from a checkpoint, slices of partitioned ones included.

    Args:
        graph: Bytes of the `saved_model.pb` that was loaded.
        variables: The `tf.Variable`s of what was loaded.
        prefix: Path of the checkpoint.
    """
    known = _definitions(saved_model_pb2.SavedModel.FromString(graph).meta_graphs[0])
    for variable in variables:
        name = variable.name.split(":")[0]
        key, where = name, ""
        if name in known and known[name].HasField("save_slice_info_def"):
            part = tf.Variable.SaveSliceInfo(save_slice_info_def=known[name].save_slice_info_def)
            key, where = part.full_name, part.spec
        values = tf.raw_ops.RestoreV2(
            prefix=prefix, tensor_names=[key], shape_and_slices=[where], dtypes=[variable.dtype]
        )
        variable.assign(values[0])


def _value_name(name: str) -> str:
    return f"{name}/{_VALUE}"


def _definitions(meta) -> dict:
    """Returns `{name of the node: VariableDef}`."""
    found = {}
    for key in (_VARIABLES, _SLICES):
        for data in meta.collection_def[key].bytes_list.value if key in meta.collection_def else ():
            definition = variable_pb2.VariableDef.FromString(data)
            found[definition.variable_name.split(":")[0]] = definition
    return found
