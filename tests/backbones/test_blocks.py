import keras
import pytest

from tlkeras.backbones import blocks, head_variables
from tlkeras.backbones.graph import cuts_of, nodes_of, output_of


def residual():
    inputs = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Conv2D(4, 3, padding="same", name="conv2d")(inputs)
    x = keras.layers.BatchNormalization(name="batch_normalization")(x)
    y = keras.layers.Conv2D(4, 3, padding="same", name="conv2d_1")(x)
    y = keras.layers.Conv2D(4, 3, padding="same", name="conv2d_2")(y)
    x = keras.layers.Add(name="add")([x, y])
    x = keras.layers.Conv2D(6, 1, name="conv2d_3")(x)
    features = keras.layers.GlobalAveragePooling2D(name="features")(x)
    return keras.Model(inputs, keras.layers.Dense(2, name="logits")(features))


def test_blocks_of_an_unnamed_residual_network():
    found = blocks(residual())
    assert [[layer.name for layer in block.layers] for block in found] == [
        ["conv2d", "batch_normalization"], ["conv2d_1", "conv2d_2"], ["conv2d_3"],
    ]  # fmt: skip
    assert [len(block.variables) for block in found] == [6, 4, 2]


def test_the_head_is_no_block():
    model = residual()
    assert [variable.path for variable in head_variables(model)] == ["logits/kernel", "logits/bias"]
    assert all("logits" not in block.name for block in blocks(model))


def test_without_features_all_is_backbone():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(2, name="only")(inputs))
    assert [block.name for block in blocks(model)] == ["only"] and head_variables(model) == []


def test_sequential():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="a"), keras.layers.Dense(2, name="b")])
    assert [block.name for block in blocks(model)] == ["a", "b"]


def test_shared_layer_is_listed_once():
    inputs = keras.Input((4,))
    layer = keras.layers.Dense(4, name="shared")
    assert len(blocks(keras.Model(inputs, layer(layer(inputs))))) == 1


def test_fixed_preprocessing_is_no_block():
    inputs = keras.Input((4,))
    x = keras.layers.Normalization(mean=0.0, variance=1.0)(inputs)
    assert [block.name for block in blocks(keras.Model(inputs, keras.layers.Dense(2, name="d")(x)))] == ["d"]


def test_every_normalisation_joins_the_block_before_it():
    norms = {
        "batch": keras.layers.BatchNormalization, "layer": keras.layers.LayerNormalization,
        "rms": keras.layers.RMSNormalization, "group": lambda name: keras.layers.GroupNormalization(2, name=name),
    }  # fmt: skip
    for norm in norms.values():
        inputs = keras.Input((4,))
        x = norm(name="between")(keras.layers.Dense(4, name="first")(inputs))
        model = keras.Model(inputs, keras.layers.Dense(2, name="second")(x))
        assert [block.name for block in blocks(model)] == ["first", "second"]


def test_a_model_inside_is_refused():
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.layers.Dense(2)(residual()(inputs)))
    with pytest.raises(ValueError, match="build the head on `backbone.output`"):
        blocks(model)


def test_not_functional():
    class Subclassed(keras.Model):
        pass

    with pytest.raises(ValueError, match="must be a functional"):
        blocks(Subclassed())


def test_cuts_are_where_one_tensor_connects():
    model = residual()
    names = [nodes_of(model)[index].operation.name for index in cuts_of(nodes_of(model))]
    assert names == ["image", "conv2d", "batch_normalization", "add", "conv2d_3", "features", "logits"]


def test_two_inputs_cut_only_after_both():
    first, second = keras.Input((4,), name="first"), keras.Input((4,), name="second")
    x = keras.layers.Dense(4, name="dense")(keras.layers.Dense(4, name="deep")(first))
    model = keras.Model([first, second], keras.layers.Add(name="add")([x, second]))
    assert [nodes_of(model)[index].operation.name for index in cuts_of(nodes_of(model))] == ["add"]


def test_output_of_a_layer_that_another_model_calls_too():
    model = residual()
    keras.Model(model.input, model.get_layer("conv2d")(model.input))
    assert output_of(model, "conv2d").shape == (None, 8, 8, 4)
    with pytest.raises(ValueError, match="'absent' once. Received: layers"):
        output_of(model, "absent")
