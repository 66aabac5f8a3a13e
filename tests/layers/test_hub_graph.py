import base64
import copy
import functools
import json
import pathlib
import shutil
import zipfile
import zlib

import keras
import numpy as np
import pytest
import tensorflow as tf

import tlkeras
from tests.layers.hub_models import Swapped, data, edit_graph, hub_data, save_keras2, save_module, save_text
from tlkeras.layers.hub_graph import HOST_OPS, asset_names, host_ops, parse_saved_model, pruned
from tlkeras.layers.hub_layer import HubLayer
from tlkeras.layers.hub_permission import load


def read(directory):
    return parse_saved_model((pathlib.Path(directory) / "saved_model.pb").read_bytes(), str(directory))


def check_refused(directory, op):
    with pytest.raises(ValueError, match=rf"\b{op} \(.*allow_host_ops=True.*Received: "):
        HubLayer(directory)


def read_file(x, weight):
    return x * weight + tf.cast(tf.strings.length(tf.io.read_file("/etc/hostname")), tf.float32)


def inside_cond(x, weight):
    return tf.cond(tf.reduce_sum(x) > 1e9, lambda: read_file(x, weight), lambda: x * weight)


def inside_while(x, weight):
    return tf.while_loop(lambda i, _: i < 3, lambda i, y: (i + 1, inside_cond(y, weight)), (0, x))[1]


def inside_functions(x, weight):
    inner = tf.function(lambda y: read_file(y, weight))
    return tf.function(lambda y: inner(y) + 1.0)(x)


def inside_map(x, weight):
    return tf.map_fn(lambda row: read_file(row, weight), x)


def py_function(x, weight):
    return tf.ensure_shape(tf.py_function(lambda y: y, [x], tf.float32), [None, 2]) * weight


def numpy_function(x, weight):
    return tf.ensure_shape(tf.numpy_function(lambda y: y, [x], tf.float32), [None, 2]) * weight


def custom_gradient(x, weight):
    @tf.custom_gradient
    def double(y):
        def grad(upstream):
            tf.io.write_file("/tmp/tlkeras_evil_gradient", "x")
            return upstream

        return y * 2, grad

    return double(x * weight)


def to_file(x, weight):
    tf.print(x, output_stream="file:///tmp/tlkeras_evil_print")
    return x * weight


@pytest.mark.parametrize(
    ("body", "op"),
    [
        (read_file, "ReadFile"),
        (inside_cond, "ReadFile"),
        (inside_while, "ReadFile"),
        (inside_functions, "ReadFile"),
        (inside_map, "ReadFile"),
        (py_function, "EagerPyFunc"),
        (numpy_function, "PyFunc"),
        (to_file, "PrintV2"),
    ],
)
def test_host_ops_are_refused_by_name_wherever_they_hide(tmp_path, body, op):
    check_refused(save_module(tmp_path / "evil", body), op)


def test_a_gradient_that_writes_a_file_is_refused(tmp_path):
    check_refused(save_module(tmp_path / "evil", custom_gradient), "WriteFile")


def test_a_gradient_that_only_its_registration_names_is_refused(tmp_path):
    directory = save_module(tmp_path / "evil", custom_gradient)

    def forget(meta):
        gradients = {gradient.gradient_func for gradient in meta.graph_def.library.registered_gradients}
        assert gradients
        for name in gradients:
            meta.object_graph_def.concrete_functions.pop(name, None)

    edit_graph(directory, forget)
    check_refused(directory, "WriteFile")


def test_a_signature_that_call_does_not_use_is_refused(tmp_path):
    module = tf.Module()
    spec = tf.TensorSpec([None, 2], tf.float32)
    module.__call__ = tf.function(lambda x: x + 1, input_signature=[spec])
    signature = tf.function(lambda x: {"y": read_file(x, 1.0)}, input_signature=[spec])
    tf.saved_model.save(module, str(tmp_path / "evil"), signatures=signature)
    check_refused(tmp_path / "evil", "ReadFile")


class EvilTable(tf.lookup.KeyValueTensorInitializer):
    def __init__(self, effect):
        super().__init__(["a"], [1.0])
        self.effect = effect

    def initialize(self, table):
        self.effect()
        return super().initialize(table)


def table(initializer):
    return tf.lookup.StaticHashTable(initializer, 0.0)


def test_a_table_initialiser_that_reads_or_writes_is_refused_and_never_runs(tmp_path):
    target = tmp_path / "written"
    writer = table(EvilTable(lambda: tf.io.write_file(str(target), "x")))
    directory = save_module(tmp_path / "evil", table=writer)
    target.unlink(missing_ok=True)
    check_refused(directory, "WriteFile")
    assert not target.exists()


class ConstantPath(tf.Module):
    def __init__(self, path):
        self.path = path
        self.table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a"], [1.0]), 0.0)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def __call__(self, words):
        tf.raw_ops.InitializeTableFromTextFileV2(
            table_handle=self.table.resource_handle, filename=self.path, key_index=0, value_index=1, delimiter=" "
        )
        return self.table.lookup(words)


def test_a_table_from_a_constant_path_is_refused(tmp_path):
    tf.saved_model.save(ConstantPath("/etc/passwd"), str(tmp_path / "evil"))
    check_refused(tmp_path / "evil", "InitializeTableFromTextFileV2")


class BesideAsset(tf.Module):
    """Reads a file whose path is computed from the path of the asset."""

    def __init__(self, path):
        self.asset = tf.saved_model.Asset(str(path))
        self.table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a"], [1.0]), 0.0)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def __call__(self, words):
        path = tf.strings.join([self.asset.asset_path, "/../../../../../etc/passwd"])
        tf.raw_ops.InitializeTableFromTextFileV2(
            table_handle=self.table.resource_handle, filename=path, key_index=0, value_index=1, delimiter=" "
        )
        return self.table.lookup(words)


def test_a_table_from_a_path_computed_from_an_asset_is_refused(tmp_path):
    (tmp_path / "v.txt").write_text("cat 0\n")
    tf.saved_model.save(BesideAsset(tmp_path / "v.txt"), str(tmp_path / "evil"))
    check_refused(tmp_path / "evil", "InitializeTableFromTextFileV2")


class CallerPath(tf.Module):
    def __init__(self):
        self.table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a"], [1.0]), 0.0)

    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def __call__(self, path):
        tf.raw_ops.InitializeTableFromTextFileV2(
            table_handle=self.table.resource_handle, filename=path, key_index=0, value_index=1, delimiter=" "
        )
        return self.table.size()


def test_a_table_from_a_path_of_the_caller_is_refused(tmp_path):
    tf.saved_model.save(CallerPath(), str(tmp_path / "evil"))
    check_refused(tmp_path / "evil", "InitializeTableFromTextFileV2")


def test_a_table_from_an_asset_is_allowed(tmp_path):
    directory = save_text(tmp_path / "text", tmp_path / "vocabulary.txt")
    assert host_ops(read(directory)) == []
    assert HubLayer(directory)(tf.constant(["dog"])).numpy().tolist() == [[3.0, 4.0]]


def test_a_table_whose_argument_is_rebound_from_the_asset_is_refused(tmp_path):
    directory = save_text(tmp_path / "text", tmp_path / "vocabulary.txt")

    def rebind(meta):
        for concrete in meta.object_graph_def.concrete_functions.values():
            kinds = [meta.object_graph_def.nodes[i].WhichOneof("kind") for i in concrete.bound_inputs]
            if "asset" in kinds:
                other = next(i for i, k in enumerate(meta.object_graph_def.nodes) if k.WhichOneof("kind") == "variable")
                concrete.bound_inputs[kinds.index("asset")] = other

    edit_graph(directory, rebind)
    check_refused(directory, "InitializeTableFromTextFileV2")


@pytest.mark.parametrize("name", ["../../secret", "/etc/passwd", "a/../../b", "C:\\x", "..\\secret", ""])
def test_asset_names_that_leave_the_folder_are_refused(tmp_path, name):
    directory = save_text(tmp_path / "text", tmp_path / "vocabulary.txt")
    edit_graph(directory, lambda meta: setattr(meta.asset_file_def[0], "filename", name))
    with pytest.raises(ValueError, match="Asset names .* Received: asset"):
        HubLayer(directory)


def test_an_asset_that_is_a_link_out_of_the_folder_is_refused(tmp_path):
    directory = save_text(tmp_path / "text", tmp_path / "vocabulary.txt")
    asset = next((directory / "assets").iterdir())
    asset.unlink()
    asset.symlink_to("/etc/hostname")
    with pytest.raises(ValueError, match="a link out of it is refused"):
        HubLayer(directory)


def doctored(path, **changes):
    """Rewrites entries of the HubLayer's config inside a .keras file."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(files["config.json"])
    next(layer for layer in config["config"]["layers"] if layer["class_name"] == "HubLayer")["config"].update(changes)
    files["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def pack(content):
    return base64.b64encode(zlib.compress(content)).decode()


@pytest.fixture
def keras_file(tmp_path):
    model = keras.Sequential([keras.Input((2,)), HubLayer(save_module(tmp_path / "good"))])
    model.save(tmp_path / "m.keras")
    return tmp_path / "m.keras"


def test_an_evil_graph_in_a_doctored_keras_file_is_refused(keras_file, tmp_path):
    evil = save_module(tmp_path / "evil", read_file)
    graph = pack((evil / "saved_model.pb").read_bytes())
    doctored(keras_file, program={"graph": graph, "assets": {}, "fingerprint": ""})
    for loader in (load, keras.models.load_model):
        with pytest.raises(ValueError, match="ReadFile"):
            loader(keras_file)
    assert load(keras_file, allow_host_ops=True)(np.ones((1, 2))).shape == (1, 2)


def test_a_keras_file_cannot_permit_itself_or_name_another_program(keras_file, tmp_path):
    evil = save_module(tmp_path / "evil", read_file)
    program = {"graph": pack((evil / "saved_model.pb").read_bytes()), "assets": {}, "fingerprint": ""}
    permitted = functools.partial(load, allow_host_ops=True)
    for changes, loaders in (
        ({"program": program, "allow_host_ops": True}, (load, keras.models.load_model)),
        ({"program": program, "allow_host_ops": False}, (load,)),
        ({"program": None, "handle": str(evil)}, (load, keras.models.load_model, permitted)),
        ({"program": {}, "handle": str(evil)}, (permitted,)),
        ({"program": {"graph": program["graph"]}}, (permitted,)),
    ):
        doctored(shutil.copy(keras_file, tmp_path / "doctored.keras"), **changes)
        for loader in loaders:
            with pytest.raises(ValueError, match="must hold its program and no permission.*Received: keys"):
                loader(tmp_path / "doctored.keras")


def in_a_wrapper(layer):
    return keras.layers.serialize(keras.layers.TimeDistributed(layer))


def in_a_sequential(layer):
    return keras.saving.serialize_keras_object(keras.Sequential([keras.Input((2,)), layer]))


def in_a_transfer_model(layer):
    inputs = keras.Input((2,))
    return keras.saving.serialize_keras_object(tlkeras.TransferModel(keras.Model(inputs, layer(inputs)), []))


@pytest.mark.parametrize("nest", [keras.layers.serialize, in_a_wrapper, in_a_sequential, in_a_transfer_model])
@pytest.mark.parametrize("program", [{}, {"program": None}], ids=["permission", "handle"])
def test_a_config_can_neither_permit_nor_open_wherever_the_layer_is_nested(tmp_path, nest, program):
    config = nest(HubLayer(save_module(tmp_path / "good")))
    keras.saving.deserialize_keras_object(copy.deepcopy(config))

    def doctor(item):
        if isinstance(item, dict) and item.get("class_name") == "HubLayer":
            item["config"].update(program or {"allow_host_ops": True})
        for value in item.values() if isinstance(item, dict) else item if isinstance(item, list) else ():
            doctor(value)

    doctor(config)
    with pytest.raises(ValueError, match="must hold its program and no permission"):
        keras.saving.deserialize_keras_object(config)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"assets": {"../../evil": pack(b"x")}}, "exactly the assets of its graph"),
        ({"graph": "!!"}, "damaged"),
        ({"graph": pack(b"\x0a\xff\xff")}, "truncated or not a SavedModel"),
        ({"graph": base64.b64encode(zlib.compress(b"x" * 999)[:-3]).decode()}, "whole zlib data"),
    ],
)
def test_a_damaged_program_in_a_keras_file_is_a_clear_error(keras_file, tmp_path, change, match):
    program = HubLayer(tmp_path / "good").get_config()["program"] | change
    doctored(keras_file, program=program)
    with pytest.raises(ValueError, match=match):
        load(keras_file)


def test_other_forms_of_the_graph_beside_the_checked_one_are_never_loaded(tmp_path):
    good, evil = save_module(tmp_path / "good"), save_module(tmp_path / "evil", read_file)
    shutil.copy(evil / "saved_model.pb", good / "saved_model.cpb")
    shutil.copy(evil / "saved_model.pb", good / "saved_model.pbtxt")
    np.testing.assert_array_equal(HubLayer(good)(np.ones((1, 2), "float32")), [[1.0, 2.0]])


def test_a_function_that_shadows_a_real_op_excuses_nothing(tmp_path):
    directory = save_module(tmp_path / "evil", read_file)

    def shadow(meta):
        harmless = meta.graph_def.library.function.add()
        harmless.signature.name = "ReadFile"

    edit_graph(directory, shadow)
    check_refused(directory, "ReadFile")


def test_a_function_in_the_place_of_identity_cannot_move_a_table_to_another_file(tmp_path):
    (tmp_path / "secret.txt").write_text("root 1\n")
    directory = save_text(tmp_path / "text", tmp_path / "v.txt")

    def shadow(meta):
        library = meta.graph_def.library
        for function in library.function:
            for node in [n for n in function.node_def if n.op == "Identity"]:
                node.op = "StopGradient"
            for node in [n for n in function.node_def if n.op.startswith("InitializeTableFromTextFile")]:
                step = function.node_def.add(name="shadow", op="Identity", input=[node.input[1]])
                step.attr["T"].type = tf.string.as_datatype_enum
                node.input[1] = "shadow:output:0"
        evil = library.function.add()
        evil.signature.name = "Identity"
        evil.signature.input_arg.add(name="input", type=tf.string.as_datatype_enum)
        evil.signature.output_arg.add(name="output", type=tf.string.as_datatype_enum)
        constant = evil.node_def.add(name="c", op="Const")
        constant.attr["dtype"].type = tf.string.as_datatype_enum
        constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(str(tmp_path / "secret.txt")))
        evil.ret["output"] = "c:output:0"

    edit_graph(directory, shadow)
    assert HubLayer(directory, allow_host_ops=True)(tf.constant(["root"])).numpy().tolist() == [[3.0, 4.0]]
    check_refused(directory, "Identity")


def test_a_function_that_tensorflow_swaps_for_its_twin_is_judged_with_the_arguments_of_both(tmp_path):
    (tmp_path / "v.txt").write_text("cat 5\n")
    (tmp_path / "secret.txt").write_text("root 42\n")
    tf.saved_model.save(Swapped(tmp_path / "v.txt", tmp_path / "secret.txt"), str(tmp_path / "evil"))
    # The permission shows that it is no theory: the file that no asset names is read.
    layer = HubLayer(tmp_path / "evil", allow_host_ops=True)
    assert layer(tf.constant(["root", "cat"])).numpy().tolist() == [42, 0]
    check_refused(tmp_path / "evil", "InitializeTableFromTextFileV2")


def test_two_functions_of_one_name_are_refused(tmp_path):
    directory = save_module(tmp_path / "evil", inside_while)

    def double(meta):
        functions = meta.graph_def.library.function
        body = next(function for function in functions if function.signature.name.startswith("while_body"))
        functions.add().CopyFrom(body)

    edit_graph(directory, double)
    with pytest.raises(ValueError, match=r"while_body_\d+ \(the name of 2 functions\).*Received: "):
        HubLayer(directory)


def test_the_loaded_copy_holds_no_unreachable_function(tmp_path):
    saved_model = read(save_keras2(tmp_path / "model"))
    before = {n.op for f in saved_model.meta_graphs[0].graph_def.library.function for n in f.node_def}
    after = {n.op for f in pruned(saved_model).meta_graphs[0].graph_def.library.function for n in f.node_def}
    savers = {"SaveV2", "RestoreV2", "MergeV2Checkpoints", "ShardedFilename"}
    assert savers <= before and not savers & after
    assert {"Conv2D", "FusedBatchNormV3"} <= after and host_ops(saved_model) == []


@data
@pytest.mark.parametrize("name", ["mobilenet_v2_035_224_feature_vector", "glove_50d_text_embedding"])
def test_real_models_pass_and_their_signatures_are_covered(name):
    saved_model = read(hub_data(name))
    assert host_ops(saved_model) == []
    kept = {f.signature.name for f in pruned(saved_model).meta_graphs[0].graph_def.library.function}
    called = {n.op for n in saved_model.meta_graphs[0].graph_def.node}
    assert "StatefulPartitionedCall" in called
    assert set(saved_model.meta_graphs[0].object_graph_def.concrete_functions) <= kept


@pytest.mark.parametrize(
    "op",
    "ReadFile WriteFile MatchingFiles WholeFileReaderV2 TFRecordDataset SqlDataset CacheDatasetV2 SaveV2 RestoreV2 "
    "MergeV2Checkpoints EagerPyFunc PyFuncStateless PrintV2 DebugIdentityV2 CreateSummaryFileWriter WriteScalarSummary "
    "RemoteCall RpcCall CollectiveReduceV2 _Send _HostRecv LoadAndRemapMatrix GenerateVocabRemapping ImmutableConst "
    "FixedUnigramCandidateSampler RecordInput DecodeProtoV2 DumpTensor CopyHost XlaHostCompute XlaCallModule "
    "FileSystemSetConfiguration CalibrationStatisticsSaver DataServiceDatasetV4 TPUExecute Abort".split(),
)
def test_the_families_of_refused_ops(op):
    assert HOST_OPS.fullmatch(op)


@pytest.mark.parametrize(
    "op",
    "Conv2D ReadVariableOp AssignVariableOp StatefulPartitionedCall While If FusedBatchNormV3 LookupTableFindV2 "
    "HashTableV2 InitializeTableV2 StringSplitV2 StaticRegexReplace RandomUniform Assert TensorListReserve Gather "
    "ResizeBilinear DecodeJpeg CheckNumerics VarHandleOp DisableCopyOnRead Reshape Unpack Einsum CopyToMesh".split(),
)
def test_ordinary_ops_are_not_refused(op):
    assert not HOST_OPS.fullmatch(op)


def test_a_graph_without_objects_is_of_the_tf1_format_and_asks_for_a_signature(tmp_path):
    directory = save_module(tmp_path / "old")
    edit_graph(directory, lambda meta: meta.ClearField("object_graph_def"))
    with pytest.raises(ValueError, match="only the signatures.*serving_default.*Received: "):
        HubLayer(directory)


def test_asset_names_are_listed(tmp_path):
    assert asset_names(read(save_text(tmp_path / "text", tmp_path / "v.txt")), "x") == ["v.txt"]
