import keras
import numpy as np
import pytest

from tlkeras import backbones, methods, surgery
from tlkeras.backbones.graph import output_of
from tlkeras.surgery import prune_channels
from tlkeras.transfer import TransferModel

L = keras.layers
RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0, 255, (3, 16, 16, 3)).astype("float32")


def dense(units=4):
    inputs = keras.Input((2,))
    hidden = L.Dense(units, "relu", name="features")(inputs)
    return keras.Model(inputs, L.Dense(3, name="logits")(hidden))


def residual_net():
    """Every way in which channels pass: residuals, a squeeze-and-excite block, Concatenate, Flatten, a shared layer."""
    inputs = keras.Input((16, 16, 3), name="image")
    x = L.Rescaling(1 / 255, name="scale")(inputs)
    x = L.ZeroPadding2D(name="pad")(x)
    x = L.Conv2D(8, 3, strides=2, use_bias=False, name="stem")(x)
    x = shortcut = L.ReLU(name="stem_relu")(L.BatchNormalization(name="stem_norm")(x))
    x = L.Conv2D(12, 1, name="expand")(x)
    x = L.DepthwiseConv2D(3, padding="same", depth_multiplier=2, activation="relu6", name="depthwise")(x)
    x = L.BatchNormalization(name="depthwise_norm")(x)
    gate = L.Reshape((1, 1, 24), name="as_map")(L.GlobalAveragePooling2D(name="squeeze")(x))
    x = L.Multiply(name="excite")([x, L.Conv2D(24, 1, activation="sigmoid", name="gate")(gate)])
    x = L.Add(name="meet")([L.SeparableConv2D(8, 3, padding="same", depth_multiplier=2, name="project")(x), shortcut])
    x = x + L.Conv2D(8, 1, name="branch")(shortcut)
    twice = L.Conv2D(8, 3, padding="same", activation="relu", name="twice")
    x = L.Concatenate(name="both")([twice(twice(x)), L.MaxPooling2D(3, 1, "same", name="pool")(x)])
    x = L.Flatten(name="flat")(L.AveragePooling2D(2, name="shrink")(x))
    x = L.Dropout(0.5, name="drop")(L.Dense(16, "relu", name="features")(x))
    model = keras.Model(inputs, L.Dense(4, name="logits")(x))
    for weight in model.weights:
        spread = RNG.uniform(0.5, 1.5, weight.shape) if weight.name == "moving_variance" else None
        weight.assign(0.3 * RNG.normal(size=weight.shape) if spread is None else spread)
    return model


@keras.saving.register_keras_serializable("tests")
def mixed_up(x):
    return keras.ops.flip(x, axis=-1)


def silence(model, name, channels):
    """Makes channels of a layer, and what passes of them, exactly zero."""
    for weight in model.get_layer(name).weights:
        if weight.name not in ("depthwise_kernel", "moving_variance", "moving_mean"):
            value = np.array(weight)
            value[..., channels] = 0
            weight.assign(value)


def test_what_removed_channels_gave_is_missing_and_nothing_else():
    model = residual_net()
    for name in ("stem", "stem_norm", "project", "branch", "twice"):  # meet in the adds; one is called with both
        silence(model, name, [0, 5, 6, 1])
    silence(model, "features", [*range(8)])
    silence(model, "expand", [1, 2, 8, 9, 10, 11])
    for name in ("depthwise_norm", "gate"):  # two channels for each of `expand`
        silence(model, name, [2, 3, 4, 5, *range(16, 24)])
    narrow = prune_channels(model, 0.5, multiple=1)
    assert {layer.name: layer.filters for layer in narrow.layers if hasattr(layer, "filters")} == {
        "stem": 4, "expand": 6, "gate": 12, "project": 4, "branch": 4, "twice": 4,
    }  # fmt: skip
    assert narrow.get_layer("features").units == 8 and narrow.get_layer("as_map").target_shape == (1, 1, 12)
    np.testing.assert_allclose(narrow.predict(IMAGES, verbose=0), model.predict(IMAGES, verbose=0), atol=2e-5)
    assert [layer.name for layer in narrow.layers] == [layer.name for layer in model.layers]


def test_the_weights_are_those_of_the_channels_that_stay():
    """By hand: features 1 and 3 have the largest L1 norms, so rows 1 and 3 of the next kernel stay."""
    model = dense()
    kernel = np.array([[0.1, 2.0, 0.5, -3.0], [0.1, -2.0, 0.5, 0.0]])
    after = np.arange(12.0).reshape(4, 3)
    model.get_layer("features").set_weights([kernel, np.array([1.0, 2.0, 3.0, 4.0])])
    model.get_layer("logits").set_weights([after, np.array([7.0, 8.0, 9.0])])
    narrow = prune_channels(model, 0.5, multiple=1)
    for name, expected in (("features", (kernel[:, [1, 3]], [2.0, 4.0])), ("logits", (after[[1, 3]], [7.0, 8.0, 9.0]))):
        for ours, theirs in zip(narrow.get_layer(name).get_weights(), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(model.get_layer("features").get_weights()[0], kernel.astype("float32"))


def test_layers_that_meet_are_ranked_by_the_sum_of_their_shares():
    """Shares of the mean: (1.6, .4, 1, 1) and (.1, 3.7, .1, .1), so channels 0 and 1 stay; the others have 1.1."""
    inputs = keras.Input((1,))
    first, second = (L.Dense(4, use_bias=False, name=name)(inputs) for name in ("first", "second"))
    model = keras.Model(inputs, L.Dense(2)(first + second))
    model.get_layer("first").set_weights([np.array([[160.0, 40.0, 100.0, 100.0]])])
    model.get_layer("second").set_weights([np.array([[0.1, 3.7, 0.1, 0.1]])])
    narrow = prune_channels(model, 0.5, multiple=1)
    np.testing.assert_array_equal(narrow.get_layer("first").get_weights()[0], [[160.0, 40.0]])
    np.testing.assert_array_equal(narrow.get_layer("second").get_weights()[0], np.float32([[0.1, 3.7]]))


def test_gamma_ranks_by_the_scale_of_the_norm_whatever_the_filter():
    inputs = keras.Input((1,))
    x = L.BatchNormalization(name="norm")(L.Dense(3, name="hidden")(inputs))
    model = keras.Model(inputs, L.Dense(2)(x))
    model.get_layer("hidden").set_weights([np.array([[9.0, 1.0, 5.0]]), np.zeros(3)])
    model.get_layer("norm").gamma.assign([0.1, -2.0, 1.0])
    kept = {how: prune_channels(model, 0.4, importance=how, multiple=1) for how in ("l1", "gamma")}
    assert [model.get_layer("hidden").kernel.numpy().item() for model in kept.values()] == [9.0, 1.0]
    with pytest.raises(ValueError, match=r"BatchNormalization with a scale.*Received: layers \['features'\] without"):
        prune_channels(dense(), importance="gamma")


def test_gamma_of_what_cannot_be_followed_does_not_count():
    inputs = keras.Input((3, 4))
    x = L.BatchNormalization(axis=1, name="mine")(L.Dense(8, name="whole")(inputs))
    x = L.BatchNormalization(scale=False)(L.BatchNormalization()(L.Dense(8, name="features")(x)))
    narrow = prune_channels(keras.Model(inputs, L.Dense(2)(x)), 0.5, importance="gamma", multiple=1, fixed=["mine"])
    assert narrow.get_layer("whole").units == 8 and narrow.get_layer("features").units == 4


@pytest.mark.parametrize(("keep", "multiple", "units"), [(0.5, 8, 16), (0.1, 8, 8), (0.4, 8, 16), (1.0, 7, 33),
                                                         (0.01, 1, 1), (0.99, 64, 33)])  # fmt: skip
def test_counts_are_rounded_to_a_multiple(keep, multiple, units):
    assert prune_channels(dense(33), keep, multiple=multiple).get_layer("features").units == units


def test_every_layer_keeps_a_channel_beside_more_important_ones():
    inputs = keras.Input((4,))
    wide, thin = L.Dense(4, use_bias=False, name="wide"), L.Dense(4, use_bias=False, name="thin")
    met = L.Add()([L.Concatenate()([wide(inputs), thin(inputs)]), L.Dense(8, use_bias=False, name="all")(inputs)])
    model = keras.Model(inputs, L.Dense(2)(met))
    model.get_layer("all").set_weights([np.repeat([[9.0, 1.0]], 4, axis=1) * np.ones((4, 1))])
    narrow = prune_channels(model, 0.25, multiple=1)
    assert narrow.get_layer("wide").units == 2 and narrow.get_layer("thin").units == 1
    assert narrow.get_layer("all").units == 3


def test_fixed_layers_keep_their_channels():
    narrow = prune_channels(residual_net(), 0.5, multiple=1, fixed=["features", "stem"])
    units = {layer.name: getattr(layer, "filters", getattr(layer, "units", None)) for layer in narrow.layers}
    assert (units["features"], units["stem"], units["project"], units["branch"], units["twice"]) == (16, 8, 8, 8, 8)
    assert (units["expand"], units["gate"]) == (6, 12)


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (lambda: L.Lambda(lambda x: 2 * x, name="mine"), "'mine' \\(Lambda\\)"),
        (lambda: L.LayerNormalization(name="mine"), "'mine' \\(LayerNormalization\\)"),
        (lambda: L.Conv2D(8, 1, groups=2, name="mine"), "'mine' \\(Conv2D\\)"),
        (lambda: L.Conv2D(8, 1, activation=mixed_up, name="mine"), "'mine' \\(Conv2D\\)"),
        (lambda: L.BatchNormalization(axis=1, name="mine"), "'mine' \\(BatchNormalization\\)"),
        (lambda: L.Permute((3, 1, 2), name="mine"), "'mine' \\(Permute\\)"),
        (lambda: keras.Sequential([L.Conv2D(8, 1)], name="mine"), "'mine' \\(Sequential\\)"),
        (lambda: L.Reshape((8, 2, 16), name="mine"), "'mine' \\(Reshape\\)"),
    ],
)
def test_what_cannot_be_followed_is_refused_by_name_unless_it_is_fixed(layer, name):
    inputs = keras.Input((4, 8, 3))
    x = layer()(L.Conv2D(8, 1, name="conv")(inputs))
    model = keras.Model(inputs, L.Dense(2)(L.Dense(8, name="features")(L.Flatten()(x))))
    with pytest.raises(ValueError, match=f"name one in `fixed`.*Received: layer {name}"):
        prune_channels(model)
    narrow = prune_channels(model, 0.5, multiple=1, fixed=["mine"])
    assert narrow.get_layer("conv").filters == 8 and narrow.get_layer("features").units == 4
    images = IMAGES[:, :4, :8]
    expected = keras.Model(inputs, output_of(model, "mine")).predict(images, verbose=0)
    found = keras.Model(narrow.input, output_of(narrow, "mine")).predict(images, verbose=0)
    np.testing.assert_array_equal(found, expected)


def test_what_is_done_to_the_images_may_be_anything_without_weights():
    inputs = keras.Input((4, 4, 3))
    x = L.Lambda(lambda x: keras.ops.flip(x, axis=-1), name="reversed")(inputs)
    norm = L.Normalization(name="norm")
    norm.adapt(IMAGES)
    x = norm(x)
    model = keras.Model(inputs, L.Dense(2)(L.Flatten()(L.Conv2D(8, 1, name="conv")(x))))
    narrow = prune_channels(model, 0.5, multiple=1)
    assert narrow.get_layer("conv").filters == 4
    np.testing.assert_allclose(narrow.get_layer("norm").get_weights()[0], IMAGES.mean(axis=(0, 1, 2)), rtol=1e-4)


def test_numbers_and_single_channels_meet_all_and_an_array_is_refused():
    inputs = keras.Input((4,))
    x, gate = L.Dense(8, name="features")(inputs), L.Dense(1, "sigmoid", name="gate")(inputs)
    x = L.Multiply()([0.5 * x + 1.0, gate])
    narrow = prune_channels(keras.Model(inputs, L.Dense(2)(x)), 0.5, multiple=1)
    assert narrow.get_layer("features").units == 4 and narrow.get_layer("gate").units == 1
    scaled = keras.Model(inputs, L.Dense(2)(x * np.arange(8.0, dtype="float32")))
    with pytest.raises(ValueError, match="Received: layer 'multiply.* \\(Multiply\\)"):
        prune_channels(scaled)


def test_a_softmax_and_what_scales_each_channel_keep_what_they_read():
    inputs = keras.Input((4,))
    x = L.Dense(8, "softmax", name="soft")(L.Dense(8, name="free")(inputs))
    x = L.Rescaling(1.0, [1.0] * 8)(L.Dense(8, name="scaled")(x))
    model = keras.Model(inputs, L.Dense(3)(x))
    narrow = prune_channels(model, 0.5, multiple=1)
    assert [narrow.get_layer(name).units for name in ("soft", "scaled", "free")] == [8, 8, 4]


def test_a_hub_layer_is_refused():
    if keras.backend.backend() != "tensorflow":
        pytest.skip("hub layers need TensorFlow")
    backbone = backbones.from_hub("saved_models/glyphs")
    with pytest.raises(ValueError, match="Received: layer .* \\(HubLayer\\)"):
        prune_channels(surgery.classifier(backbone, 3, bottleneck=16))


@pytest.mark.slow
def test_mobilenet_v2_with_a_head_shrinks_trains_and_reloads(tmp_path):
    backbone = backbones.from_applications("MobileNetV2", weights=None, input_shape=(32, 32, 3), alpha=0.35)
    model = surgery.classifier(backbone, 3, bottleneck=16, dropout=0.1)
    whole = prune_channels(model, 1.0)
    images = np.repeat(np.repeat(IMAGES, 2, axis=1), 2, axis=2)
    np.testing.assert_array_equal(whole.predict(images, verbose=0), model.predict(images, verbose=0))
    narrow = prune_channels(model, 0.5)
    assert narrow.count_params() < 0.35 * model.count_params()
    assert {"features", "bottleneck", "logits"} <= {layer.name for layer in narrow.layers}
    assert narrow.get_layer("bottleneck").output.shape == (None, 8) and narrow.output_shape == (None, 3)
    assert len(narrow.trainable_weights) == 6  # of the head: the backbone was frozen
    surgery.unfreeze(narrow, "all")
    assert narrow.get_layer("Conv1").kernel.trainable
    transfer = TransferModel(narrow, [methods.LogitDistillation(model)])
    transfer.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
    transfer.fit(images, np.arange(3), epochs=1, verbose=0)
    narrow.save(tmp_path / "narrow.keras")
    restored = keras.models.load_model(tmp_path / "narrow.keras")
    np.testing.assert_array_equal(restored.predict(images, verbose=0), narrow.predict(images, verbose=0))


@pytest.mark.parametrize("keep", [0, 1.5, True, "half"])
def test_a_share_that_is_none_is_refused(keep):
    with pytest.raises(ValueError, match="`keep` must be a number in \\(0, 1\\]. Received"):
        prune_channels(dense(), keep)


def test_other_arguments_are_refused():
    with pytest.raises(ValueError, match="`model` must be a functional"):
        prune_channels(L.Dense(3))
    with pytest.raises(ValueError, match="`importance` must be one of .*Received: importance='l2'"):
        prune_channels(dense(), importance="l2")
    with pytest.raises(ValueError, match="`multiple` must be an integer >= 1. Received: multiple=0"):
        prune_channels(dense(), multiple=0)
    for fixed in ("logits", ["nothing"]):
        with pytest.raises(ValueError, match="`fixed` must be a list of names"):
            prune_channels(dense(), fixed=fixed)
