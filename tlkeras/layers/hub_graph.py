"""Reads the graph of a SavedModel before TensorFlow loads it, and refuses operations that touch the host.

A SavedModel is a program, and loading it already runs a part of it (table initialisers). The check therefore works on
the protobuf. What survives it is a *pruned copy*: only functions that the object graph can reach are kept, so a
function that the search below does not know of cannot run either; it is simply not there. That also drops the
checkpoint functions (SaveV2, RestoreV2, MergeV2Checkpoints, ShardedFilename) that every healthy SavedModel carries
and that loading does not need.
"""

import re
from collections import Counter
from pathlib import PurePosixPath, PureWindowsPath

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from tlkeras.layers.hub_functions import TEXT_FILE_TABLE, reachable_functions, text_file_is_asset
from tlkeras.layers.hub_tf1 import inference_graph, is_tf1

# Read against the list of all 1,909 registered ops of TensorFlow 2.21. Dataset and iterator ops go as a family (they
# read, write, cache and deserialise programs); summaries too (pure ones are useless in a layer). Names that begin
# with "_" are of the runtime, no exporter writes them; functions of the library do, and are judged by their content.
HOST_OPS = re.compile(
    r"""
    .*(?:File|Path|Reader|Dataset|Iterator|Snapshot|LMDB|Sql).*        # files, directories, data pipelines
    | .*(?:Save|Restore|Checkpoint|Remap|Sharded).*                    # checkpoints, vocabularies from disk
    | .*PyFunc.*                                                       # Python of this process
    | .*(?:Summary|Summaries|Debug|Dump|ImportEvent|StatsAggregator).* # event files, dumps to file:// targets
    | Print(?:V2)? | Copy(?:Host)? | Abort                             # two attributes that may name files; an exit
    | .*(?:Rpc|Remote|Collective|Nccl|Send|Recv|Socket|Grpc).*         # other processes
    | .*(?:TPU|Tpu|Infeed|Outfeed|Heartbeat|MinibatchStatistics).*     # other machines and their set-up
    | .*(?:HostCompute|CustomCall|CallModule|MlirPassthrough|TRT).*    # opaque programs inside one op
    | ImmutableConst | RecordInput | FixedUnigramCandidateSampler | Skipgram  # an attribute names a file
    | EncodeProto.* | DecodeProto.*                                    # descriptor_source may be a file
    | Gcs.* | .*(?:Kafka|BigQuery|Bigtable|Hadoop).* | IO>.*           # add-on packages that read from elsewhere
    | _.*                                                              # internal to the runtime
    """,
    re.VERBOSE,
)


def parse_saved_model(data: bytes, source: str):
    """Returns the `SavedModel` message of `data`, with one graph; of the TF1 format, the part for inference.

    Args:
        data: Bytes of a `saved_model.pb`.
        source: What to call it in an error.

    Raises:
        ValueError: If the bytes are not a whole SavedModel, or one of the TF1 format without a graph for inference.
    """
    saved_model = saved_model_pb2.SavedModel()
    try:
        saved_model.ParseFromString(data)
    except DecodeError as error:
        raise ValueError(
            f"`handle` must be a SavedModel with a whole saved_model.pb; this one is truncated or not a SavedModel. "
            f"Fetch or export it again. Received: {source}"
        ) from error
    if not saved_model.meta_graphs:
        raise ValueError(f"`handle` must be a SavedModel; its saved_model.pb holds no graph. Received: {source}")
    return inference_graph(saved_model, source) if is_tf1(saved_model) else saved_model


def asset_names(saved_model, source: str) -> list[str]:
    """Returns the file names of the assets, relative to the folder `assets`.

    Raises:
        ValueError: If a name is absolute, empty or holds `..`, so that it would leave the folder.
    """
    names = [asset.filename for asset in saved_model.meta_graphs[0].asset_file_def]
    for name in names:
        windows = PureWindowsPath(name)
        parts = {*PurePosixPath(name).parts, *windows.parts}
        if not parts or ".." in parts or name.startswith("/") or windows.drive or windows.root or "\0" in name:
            raise ValueError(
                "Asset names of a SavedModel must be relative and stay in its assets folder; do not trust this one. "
                f"Received: asset {name!r} in {source}"
            )
    return sorted(set(names))


def host_ops(saved_model) -> list[str]:
    """Returns `"Op (function)"` for each operation that touches the host in what can run, sorted."""
    meta = saved_model.meta_graphs[0]
    # A function may be called by its name as the op. Only names with two underscores are excused as such, so that no
    # function can shadow a real operation.
    own = {f.signature.name for f in meta.graph_def.library.function if f.signature.name.startswith("__")}
    # A function that has the name of an operation is called in its place: nothing that is read below would then hold.
    # Nor would it where two functions have one name.
    names = Counter(f.signature.name for f in meta.graph_def.library.function)
    found = {f"{name} (a function in the place of the operation)" for name in names if hasattr(tf.raw_ops, name)}
    found |= {f"{name} (the name of {count} functions)" for name, count in names.items() if count > 1}
    for function, assets in reachable_functions(meta):
        for node in function.node_def:
            if TEXT_FILE_TABLE.fullmatch(node.op):
                refused = not text_file_is_asset(node, function, assets)
            else:
                refused = node.op not in own and HOST_OPS.fullmatch(node.op)
            if refused:
                found.add(f"{node.op} ({function.signature.name})")
    return sorted(found)


def check_host_ops(saved_model, source: str) -> None:
    """Raises if anything that can run touches the host.

    Raises:
        ValueError: With the names of the operations and of the functions that hold them.
    """
    found = host_ops(saved_model)
    if found:
        raise ValueError(
            "This SavedModel holds operations that touch the host (files, Python, network): "
            f"{', '.join(found)}. It is a program of whoever wrote it; if you trust them, pass allow_host_ops=True "
            f"(to HubLayer, from_hub or tlkeras.load). Received: {source}"
        )


def pruned(saved_model):
    """Returns a copy that holds only the reachable functions and the constants that they capture."""
    copy = saved_model_pb2.SavedModel()
    copy.CopyFrom(saved_model)
    meta = copy.meta_graphs[0]
    keep = {function.signature.name for function, _ in reachable_functions(saved_model.meta_graphs[0])}
    library = meta.graph_def.library
    _retain(library.function, lambda function: function.signature.name in keep)
    _retain(library.gradient, lambda gradient: {gradient.function_name, gradient.gradient_func} <= keep)
    _retain(library.registered_gradients, lambda gradient: gradient.gradient_func in keep)
    if is_tf1(copy):
        return copy  # its graph is cut already, and runs
    _retain(meta.graph_def.node, lambda node: node.op == "Const")
    for field in ("saver_def", "collection_def", "signature_def"):
        meta.ClearField(field)
    return copy


def _retain(repeated, condition) -> None:
    kept = [item for item in repeated if condition(item)]
    del repeated[:]
    repeated.extend(kept)
