import pathlib

import keras
import numpy as np
import pytest

from tlkeras.surgery import adapt_norms
from tlkeras.testing import common, shifted_clusters

RNG = np.random.default_rng(0)


def two_branches(axis=-1):
    """BatchNorm after BatchNorm, beside a branch of one, on maps and on vectors."""
    keras.utils.set_random_seed(0)
    entry = keras.Input((4, 4, 2))
    first = keras.layers.BatchNormalization(epsilon=1e-5, name="first")(entry)
    mixed = keras.layers.Dense(3, activation="relu", name="mixed")(first)
    second = keras.layers.BatchNormalization(axis=axis, epsilon=1e-5, name="second")(mixed)
    side = keras.layers.BatchNormalization(epsilon=1e-5, name="side")(entry)
    vectors = keras.layers.Concatenate()([keras.layers.GlobalMaxPooling2D()(x) for x in (second, side)])
    model = keras.Model(entry, keras.layers.BatchNormalization(epsilon=1e-5, name="third")(vectors))
    model.set_weights([RNG.uniform(0.5, 2, value.shape) for value in model.get_weights()])
    return model


def normalised(layer, x, axis=-1):
    axes = tuple(i for i in range(x.ndim) if i != axis % x.ndim)
    mean, variance = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)
    gamma, beta = (w.reshape([-1 if i == axis % x.ndim else 1 for i in range(x.ndim)]) for w in layer.get_weights()[:2])
    return (x - mean) / np.sqrt(variance + 1e-5) * gamma + beta, mean.ravel(), variance.ravel()


@pytest.mark.parametrize("axis", [-1, 1])
@pytest.mark.parametrize("batch_size", [7, 100])
def test_equals_the_hand_derivation_layer_by_layer(axis, batch_size):
    model = two_branches(axis)
    before, x = model.get_weights(), RNG.normal(3, 2, (30, 4, 4, 2)).astype("float32")
    adapted = adapt_norms(model, x, batch_size=batch_size)

    first, *of_first = normalised(model.get_layer("first"), x.astype("float64"))
    kernel, bias = model.get_layer("mixed").get_weights()
    second, *of_second = normalised(model.get_layer("second"), np.maximum(first @ kernel + bias, 0), axis)
    side, *of_side = normalised(model.get_layer("side"), x.astype("float64"))
    vectors = np.concatenate([second.max(axis=(1, 2)), side.max(axis=(1, 2))], axis=1)
    third, *of_third = normalised(model.get_layer("third"), vectors)

    for name, moments in zip(
        ("first", "second", "side", "third"), (of_first, of_second, of_side, of_third), strict=True
    ):
        for received, expected in zip(adapted.get_layer(name).get_weights()[2:], moments, strict=True):
            np.testing.assert_allclose(received, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(adapted.predict(x, verbose=0), third, atol=1e-3)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    for name in ("first", "mixed", "second", "side", "third"):
        for now, then in zip(
            adapted.get_layer(name).get_weights()[:2], model.get_layer(name).get_weights()[:2], strict=True
        ):
            np.testing.assert_array_equal(now, then)


def test_a_mean_far_from_zero_keeps_its_small_variance():
    entry = keras.Input((5, 1))
    model = keras.Model(entry, keras.layers.BatchNormalization(name="norm")(entry))
    x = (1000 + RNG.normal(0, 0.1, (200, 5, 1))).astype("float32")
    received = adapt_norms(model, x).get_layer("norm").get_weights()[3]
    np.testing.assert_allclose(received, x.astype("float64").var(), rtol=1e-2)


def test_solves_a_toy_of_moved_clusters():
    xs, ys, xt, yt = shifted_clusters()
    keras.utils.set_random_seed(0)
    entry = keras.Input((2,))
    x = keras.layers.BatchNormalization()(entry)
    model = keras.Model(entry, keras.layers.Dense(3)(keras.layers.Dense(16, "relu")(x)))
    common.compile_model(model, 0.1, metrics=["accuracy"], jit_compile=True)
    model.fit(xs, ys, epochs=10, verbose=0)
    adapted = adapt_norms(model, xt)
    source_only, accuracy = ((m.predict(xt, verbose=0).argmax(axis=1) == yt).mean() for m in (model, adapted))
    assert source_only < 0.9
    assert accuracy >= source_only + 0.2


def test_half_precision_and_a_data_set(tmp_path):
    entry = keras.Input((3,), name="entry")
    norm = keras.layers.BatchNormalization(name="norm", dtype="mixed_float16")(entry)
    model = keras.Model({"entry": entry}, norm)
    x = RNG.normal(2, 3, (50, 3)).astype("float32")
    adapted = adapt_norms(model, {"entry": x})
    np.testing.assert_allclose(adapted.get_layer("norm").get_weights()[2], x.mean(axis=0), rtol=1e-2)
    adapted.save(tmp_path / "m.keras")
    restored = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(restored.predict({"entry": x}, verbose=0), adapted.predict({"entry": x}, verbose=0))


def test_what_cannot_be_adapted_is_said():
    entry = keras.Input((4,))
    inner = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization()], name="inner")
    with pytest.raises(ValueError, match=r"BatchNormalization layers of its own.*inside \['inner'\]"):
        adapt_norms(keras.Model(entry, inner(entry)), np.ones((4, 4)))
    both = keras.Model(entry, keras.layers.BatchNormalization()(inner(entry)))
    with pytest.warns(UserWarning, match=r"keeps its statistics: \['inner'\]"):
        adapt_norms(both, RNG.normal(size=(4, 4)))
    with pytest.raises(ValueError, match="`model` must be a functional"):
        adapt_norms(keras.layers.BatchNormalization(), np.ones((4, 4)))


def test_wrong_inputs_are_refused():
    model = common.small_model(batch_norm=True)
    with pytest.raises(ValueError, match="at least 2 rows. Received: 1 rows"):
        adapt_norms(model, np.ones((1, 4)))
    with pytest.raises(ValueError, match="must be finite.*NaN or infinity at layer norm"):
        adapt_norms(model, np.full((3, 4), np.nan))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a SavedModel runs under TensorFlow")
def test_a_hub_layer_keeps_its_statistics_and_says_so():
    from tlkeras.backbones import from_hub
    from tlkeras.surgery import classifier

    glyphs = pathlib.Path(__file__).parents[2] / "saved_models" / "glyphs"
    model = classifier(from_hub(glyphs), 3, bottleneck=4)
    with pytest.warns(UserWarning, match="keeps its statistics"):
        adapted = adapt_norms(model, RNG.integers(0, 256, (6, 8, 8, 1)))
    assert not np.array_equal(adapted.get_layer("bottleneck_norm").moving_mean, np.zeros(4))
