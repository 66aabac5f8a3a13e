import base64
import gc
import shutil
import zlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.layers.hub_models import edit_graph, save_tf1
from tlkeras.layers.hub_graph import parse_saved_model
from tlkeras.layers.hub_layer import HubLayer
from tlkeras.layers.hub_tf1 import inference_graph, is_tf1

v1 = tf.compat.v1
X = np.array([[1.0, 2.0], [3.0, 4.0]], "float32")
KERNEL = np.arange(12, dtype="float32").reshape(4, 3)


@pytest.fixture(params=["control_flow_v1", "control_flow_v2"])
def control_flow(request):
    enabled = v1.control_flow_v2_enabled()
    (v1.disable_control_flow_v2 if request.param == "control_flow_v1" else v1.enable_control_flow_v2)()
    yield
    (v1.enable_control_flow_v2 if enabled else v1.disable_control_flow_v2)()


def part_of_kernel(shape, dtype=None, partition_info=None):
    first = partition_info.var_offset[0] if partition_info else 0
    return tf.constant(KERNEL[first : first + shape[0]])


def network(use_resource, parts):
    """A training graph around `y = [x, x] kernel + 4 bias`, with a loop, a condition, Adam and a summary."""

    def build(training):
        x = v1.placeholder(tf.float32, [None, 2], name="x")
        partitioner = v1.fixed_size_partitioner(parts) if parts else None
        with v1.variable_scope("net", partitioner=partitioner, use_resource=use_resource):
            kernel = v1.get_variable("kernel", [4, 3], initializer=part_of_kernel)
        bias = v1.get_variable("bias", initializer=[1.0, 2.0, 3.0], use_resource=use_resource)
        y = tf.matmul(tf.concat([x, x], 1), tf.convert_to_tensor(kernel)) + bias
        y = v1.cond(tf.reduce_sum(x) > 1e6, lambda: y * bias, lambda: y)
        y = v1.while_loop(lambda i, _: i < 3, lambda i, y: (i + 1, y + bias), [0, y])[1]
        v1.train.AdamOptimizer().minimize(tf.reduce_sum(y))
        v1.summary.scalar("loss", tf.reduce_sum(y))
        return {"serving_default": ({"x": x}, {"y": y})}

    return build


def expected(x=X):
    return np.concatenate([x, x], 1) @ KERNEL + 4 * np.array([1.0, 2.0, 3.0], "float32")


@pytest.mark.parametrize("parts", [None, 2])
@pytest.mark.parametrize("use_resource", [True, False], ids=["resource", "reference"])
def test_a_graph_of_tensorflow_1_runs_saves_and_exports(tmp_path, control_flow, use_resource, parts):
    source = save_tf1(tmp_path / "tf1", network(use_resource, parts))
    layer = HubLayer(source, signature="serving_default")
    assert sorted(variable.shape[0] for variable in layer.variables) == ([2, 2, 3] if parts else [3, 4])
    model = keras.Sequential([keras.Input((2,)), layer])
    model.save(tmp_path / "m.keras")
    shutil.rmtree(source)
    again = keras.models.load_model(tmp_path / "m.keras")
    again.save(tmp_path / "twice.keras")
    twice = keras.models.load_model(tmp_path / "twice.keras")
    twice.export(tmp_path / "exported", verbose=False)
    exported = tf.saved_model.load(str(tmp_path / "exported"))
    for run in (layer, model, again, twice, exported.serve):
        np.testing.assert_allclose(run(X), expected(), rtol=1e-6)
    assert twice.layers[0].fingerprint == layer.fingerprint
    assert not layer.supports_jit


@pytest.mark.parametrize("use_resource", [True, False], ids=["resource", "reference"])
def test_only_the_inference_part_is_left(tmp_path, use_resource):
    directory = save_tf1(tmp_path / "tf1", network(use_resource, None))
    saved_model = parse_saved_model((directory / "saved_model.pb").read_bytes(), "x")
    names = {node.name for node in saved_model.meta_graphs[0].graph_def.node}
    ops = {node.op for node in saved_model.meta_graphs[0].graph_def.node}
    assert not any(word in name for name in names for word in ("Adam", "save", "loss", "gradients", "Assign"))
    assert {"VarHandleOp", "ReadVariableOp"} <= ops and "VariableV2" not in ops
    assert inference_graph(saved_model, "x") == saved_model and is_tf1(saved_model)


def vocabulary(path):
    def build(training):
        path.write_text("cat\ndog\n")
        words = v1.placeholder(tf.string, [None], name="words")
        initializer = tf.lookup.TextFileInitializer(
            str(path), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
        )
        return {"default": ({"text": words}, {"ids": tf.lookup.StaticHashTable(initializer, -1).lookup(words)})}

    return build


@pytest.mark.parametrize("main_op", [True, False], ids=["main_op", "table_initializer"])
def test_a_table_from_an_asset_is_carried_into_the_keras_file_and_the_export(tmp_path, main_op):
    source = save_tf1(tmp_path / "text", vocabulary(tmp_path / "v.txt"), main_op=main_op)
    (tmp_path / "v.txt").unlink()
    words = tf.constant(["dog", "bird"])
    layer = HubLayer(source, signature="default")
    model = keras.Sequential([keras.Input((), dtype="string"), layer])
    model.save(tmp_path / "m.keras")
    shutil.rmtree(source)
    again = keras.models.load_model(tmp_path / "m.keras")
    again.export(tmp_path / "exported", verbose=False)
    assert model(words).numpy().tolist() == again(words).numpy().tolist() == [1, -1]
    assert (tmp_path / "exported" / "assets" / "v.txt").read_text() == "cat\ndog\n"
    del model, layer, again
    gc.collect()
    exported = tf.saved_model.load(str(tmp_path / "exported"))
    assert exported.serve(words).numpy().tolist() == [1, -1]


def hub_module(training):
    x = v1.placeholder(tf.float32, [None, 2], name="x")
    w = v1.get_variable("w", initializer=[5.0, 6.0], use_resource=False)
    y = x * w + (100.0 if training else 0.0)
    return {"default": ({"default": x}, {"default": y}), "sum": ({"x": x}, {"y": y, "z": tf.reduce_sum(y, 1)})}


def test_a_hub_module_of_two_graphs_runs_the_one_for_inference(tmp_path):
    source = save_tf1(tmp_path / "module", hub_module, tags=((), ("train",)))
    (source / "tfhub_module.pb").write_bytes(b"\x08\x03")
    np.testing.assert_array_equal(HubLayer(source, signature="default")(X), X * [5, 6])
    outputs = HubLayer(source, signature="sum")(X)
    np.testing.assert_array_equal(outputs["z"], (X * [5, 6]).sum(1))
    with pytest.raises(ValueError, match=r"of the TF1 format has only the signatures \['default', 'sum'\]: name one"):
        HubLayer(source)


def test_graphs_of_which_none_or_two_are_for_inference_are_refused(tmp_path):
    for tags in ((("a",), ("b",)), ((), ("serve",))):
        source = save_tf1(tmp_path / str(len(tags[0])), hub_module, tags=tags)
        with pytest.raises(ValueError, match=r"one graph for inference.*with the tags \[\["):
            HubLayer(source, signature="default")


def test_a_signature_that_sets_a_variable_is_refused(tmp_path):
    def build(training):
        x = v1.placeholder(tf.float32, [], name="x")
        w = v1.get_variable("w", initializer=5.0, use_resource=False)
        return {"default": ({"x": x}, {"y": v1.assign_add(w, x)})}

    with pytest.raises(ValueError, match=r"only read its variables.*operation AssignAdd"):
        HubLayer(save_tf1(tmp_path / "m", build), signature="default")


def test_a_graph_without_a_signature_or_with_a_hole_is_refused(tmp_path):
    source = save_tf1(tmp_path / "m", hub_module)
    edit_graph(source, lambda meta: meta.graph_def.node.pop(0))
    with pytest.raises(ValueError, match="its graph has no node 'x'.*Received: "):
        HubLayer(source, signature="default")
    edit_graph(source, lambda meta: meta.ClearField("signature_def"))
    with pytest.raises(ValueError, match="with a signature; this one has none"):
        HubLayer(source, signature="default")


def test_absent_variables_are_a_clear_error(tmp_path):
    source = save_tf1(tmp_path / "m", hub_module)
    shutil.rmtree(source / "variables")
    with pytest.raises(ValueError, match="whole variables.*Received: "):
        HubLayer(source, signature="default")


def test_a_mutable_table_is_refused_because_nothing_would_fill_it(tmp_path):
    def build(training):
        words = v1.placeholder(tf.string, [None], name="words")
        table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
        return {"default": ({"words": words}, {"ids": table.lookup(words)})}

    with pytest.raises(ValueError, match="state of their own"):
        HubLayer(save_tf1(tmp_path / "m", build), signature="default")


def with_effect(effect, where):
    """A model with `effect()` in its signature, in a function of it, in its initialisation, or beside them."""

    def build(training):
        x = v1.placeholder(tf.float32, [None, 2], name="x")
        y = x * v1.get_variable("w", initializer=[1.0, 2.0])
        if where == "signature":
            with tf.control_dependencies([effect()]):
                y = tf.identity(y)
        if where == "function":
            y = tf.cond(tf.reduce_sum(x) > 1e6, lambda: y + tf.cast(tf.size(effect()), tf.float32), lambda: y)
        if where == "initialisation":
            v1.add_to_collection(v1.GraphKeys.TABLE_INITIALIZERS, effect())
        if where == "beside":
            tf.identity(effect(), name="unused")
        return {"default": ({"x": x}, {"y": y})}

    return build


@pytest.mark.parametrize("where", ["signature", "function", "initialisation"])
def test_host_operations_are_refused_wherever_they_can_run(tmp_path, where):
    target = tmp_path / "read"
    target.write_text("x")
    source = save_tf1(tmp_path / "m", with_effect(lambda: tf.io.read_file(str(target)), where))
    with pytest.raises(ValueError, match=r"ReadFile \(.*allow_host_ops=True.*Received: "):
        HubLayer(source, signature="default")
    layer = HubLayer(source, signature="default", allow_host_ops=True)
    np.testing.assert_array_equal(layer(X), X * [1, 2])


def test_an_initialisation_that_writes_is_refused_and_never_runs(tmp_path):
    target = tmp_path / "written"

    def effect():
        return tf.raw_ops.WriteFile(filename=str(target), contents="x")

    source = save_tf1(tmp_path / "m", with_effect(effect, "initialisation"))
    target.unlink()
    with pytest.raises(ValueError, match="WriteFile"):
        HubLayer(source, signature="default")
    assert not target.exists()


def test_what_neither_signature_nor_initialisation_needs_is_dropped_unjudged(tmp_path):
    source = save_tf1(tmp_path / "m", with_effect(lambda: tf.io.read_file("/etc/passwd"), "beside"))
    layer = HubLayer(source, signature="default")
    np.testing.assert_array_equal(layer(X), X * [1, 2])
    assert b"/etc/passwd" not in zlib.decompress(base64.b64decode(layer.get_config()["program"]["graph"]))


def rename_asset(meta, name):
    for packed in meta.collection_def["saved_model_assets"].any_list.value:
        asset = type(meta.asset_file_def.add())()
        packed.Unpack(asset)
        asset.filename = name
        packed.Pack(asset)
    meta.ClearField("asset_file_def")


def test_asset_names_that_leave_the_folder_are_refused(tmp_path):
    source = save_tf1(tmp_path / "text", vocabulary(tmp_path / "v.txt"))
    edit_graph(source, lambda meta: rename_asset(meta, "../../secret"))
    with pytest.raises(ValueError, match="Asset names .* Received: asset '../../secret'"):
        HubLayer(source, signature="default")


def test_a_table_from_a_path_that_is_no_asset_is_refused(tmp_path):
    source = save_tf1(tmp_path / "text", vocabulary(tmp_path / "v.txt"))

    def forget(meta):
        meta.ClearField("asset_file_def")
        del meta.collection_def["saved_model_assets"]

    edit_graph(source, forget)
    with pytest.raises(ValueError, match="InitializeTableFromTextFileV2 \\(the graph\\)"):
        HubLayer(source, signature="default")


def test_a_table_that_the_signature_fills_is_refused_for_there_the_path_is_the_graphs_own(tmp_path):
    source = save_tf1(tmp_path / "text", vocabulary(tmp_path / "v.txt"))

    def fill(meta):
        nodes = meta.graph_def.node
        initial = next(node.name for node in nodes if node.op == "InitializeTableFromTextFileV2")
        next(node for node in nodes if node.op == "LookupTableFindV2").input.append(f"^{initial}")

    edit_graph(source, fill)
    with pytest.raises(ValueError, match="InitializeTableFromTextFileV2 \\(the graph\\)"):
        HubLayer(source, signature="default")


def test_an_evil_graph_in_a_doctored_config_is_refused(tmp_path):
    good = HubLayer(save_tf1(tmp_path / "good", hub_module), signature="default")
    evil = save_tf1(tmp_path / "evil", with_effect(lambda: tf.io.read_file("/etc/hostname"), "signature"))
    config = good.get_config()
    config["program"]["graph"] = base64.b64encode(zlib.compress((evil / "saved_model.pb").read_bytes())).decode()
    with pytest.raises(ValueError, match="ReadFile"):
        HubLayer.from_config(config)
