import keras
import numpy as np
import pytest

from tlkeras.layers import FakeQuant

FIRST = np.array([[-1.0, 0.5], [0.0, 3.0]], "float32")
SECOND = np.array([[-2.0, 0.5], [0.0, 1.0]], "float32")


def ends(layer):
    return [float(end) for end in layer.range()]


def test_the_range_follows_the_batches_in_training():
    layer = FakeQuant(momentum=0.9)
    layer(FIRST, training=True)
    assert ends(layer) == [-1.0, 3.0], "the first batch sets it"
    outputs = keras.ops.convert_to_numpy(layer(SECOND, training=True))
    np.testing.assert_allclose(ends(layer), [0.9 * -1 + 0.1 * -2, 0.9 * 3 + 0.1 * 1], rtol=1e-6)
    step = (2.8 + 1.1) / 255
    np.testing.assert_allclose(outputs[0, 0], -round(1.1 / step) * step, rtol=1e-5, err_msg="clipped at the new end")
    np.testing.assert_allclose(outputs[0, 1], round(0.5 / step) * step, rtol=1e-5)


def test_nothing_moves_it_in_inference_or_when_frozen():
    layer = FakeQuant(momentum=0.5)
    layer.observe(FIRST)
    layer(SECOND)
    layer(SECOND, training=False)
    assert ends(layer) == [-1.0, 3.0]
    layer.trainable = False
    layer(SECOND, training=True)
    assert ends(layer) == [-1.0, 3.0]
    assert not layer.trainable_weights and len(layer.weights) == 2


def test_observing_only_widens():
    layer = FakeQuant()
    np.testing.assert_array_equal(layer(FIRST), FIRST, err_msg="without a range nothing is rounded")
    for batch in (FIRST, SECOND):
        layer.observe(batch)
    assert ends(layer) == [-2.0, 3.0]


def test_a_fixed_range_has_no_weights():
    layer = FakeQuant(fixed_range=(0, 255))
    layer.observe(FIRST)
    pixels = np.arange(256, dtype="float32")
    np.testing.assert_array_equal(layer(pixels, training=True), pixels)
    assert layer.range() == (0.0, 255.0) and not layer.weights


@pytest.mark.parametrize("arguments", [{}, {"momentum": 0.5, "fixed_range": (-1, 1.5), "name": "other"}])
def test_the_configuration_comes_back(arguments):
    layer = FakeQuant(**arguments)
    again = FakeQuant.from_config(layer.get_config())
    assert (again.momentum, again.fixed_range, again.name) == (layer.momentum, layer.fixed_range, layer.name)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_it_trains_compiled_and_is_saved(tmp_path, jit_compile):
    inputs = keras.Input((2,))
    outputs = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")(FakeQuant(0.5, name="round")(inputs))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=jit_compile)
    model.fit(np.concatenate([FIRST, SECOND]), np.zeros((4, 1)), batch_size=2, shuffle=False, verbose=0)
    np.testing.assert_allclose(ends(model.get_layer("round")), [-1.5, 2.0], rtol=1e-6)
    model.evaluate(FIRST * 9, np.zeros((2, 1)), verbose=0)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    assert ends(again.get_layer("round")) == ends(model.get_layer("round"))
    np.testing.assert_array_equal(again.predict(FIRST, verbose=0), model.predict(FIRST, verbose=0))


def test_half_precision_is_rounded_in_single():
    layer = FakeQuant(dtype="mixed_float16")
    outputs = layer(FIRST, training=True)
    assert keras.backend.standardize_dtype(outputs.dtype) == "float16" and ends(layer) == [-1.0, 3.0]
    np.testing.assert_allclose(outputs, FIRST, atol=4 / 255)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"momentum": 1}, r"`momentum` must be a number in \[0, 1\). Received: momentum=1"),
        ({"momentum": "a"}, "`momentum`"),
        ({"fixed_range": (1, 1)}, r"`fixed_range` must be two rising numbers. Received: fixed_range=\(1, 1\)"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        FakeQuant(**arguments)
