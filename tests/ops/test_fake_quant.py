import keras
import numpy as np
import pytest

from tlkeras.ops import fake_quant, fake_quant_weights, input_gradient, nudged_range

X = np.random.default_rng(0).normal(0, 2, 4000).astype("float32")


def rounded(x, low, high):
    return keras.ops.convert_to_numpy(fake_quant(x, low, high))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((-1.0, 1.55), (-1.0, 1.55, 0.01)),
        ((0.3, 5.1), (0.0, 5.1, 0.02)),  # 0 must be in
        ((-5.1, -0.3), (-5.1, 0.0, 0.02)),
        ((-1.004, 1.546), (-1.0, 1.55, 0.01)),  # 100.4 steps below 0 become 100
        ((0.0, 0.0), (0.0, 0.0, 0.0)),
    ],
)
def test_the_range_holds_0_as_one_of_256_values(given, expected):
    np.testing.assert_allclose([float(value) for value in nudged_range(*given)], expected, atol=1e-6)


def test_values_by_hand():
    x = np.array([-9.0, -1.0, -0.0149, -0.0151, 0.0, 0.004, 1.549, 3.0], "float32")
    expected = [-1.0, -1.0, -0.01, -0.02, 0.0, 0.0, 1.55, 1.55]
    np.testing.assert_allclose(rounded(x, -1.0, 1.55), expected, atol=1e-6)
    assert rounded(np.zeros(3, "float32"), -0.37, 1.91).tolist() == [0.0] * 3, "padding must stay exactly 0"
    assert np.abs(rounded(x, 0.0, 0.0)).max() < 1e-9
    ties = np.array([0.5, 2.5, 126.5, 127.5, 128.5, 129.5, 254.5], "float32")
    expected = np.array([0, 2, 126, 127, 129, 130, 255])
    for scale in (1, 0.0123):
        found = rounded(ties * np.float32(scale), 0.0, 255 * scale) / scale
        np.testing.assert_allclose(found, expected, rtol=1e-5, err_msg="away from the middle, 128")
    assert len(np.unique(rounded(X, -1.3, 2.9))) == 256


@pytest.mark.parametrize(("low", "high"), [(-1.3, 2.9), (0.0, 6.0), (-4.0, -1.0)])
def test_it_is_what_tensorflow_computes(low, high):
    tf = pytest.importorskip("tensorflow")
    low, high, step = (float(value) for value in nudged_range(low, high))
    given = tf.convert_to_tensor(X)
    with tf.GradientTape() as tape:
        tape.watch(given)
        expected = tf.quantization.fake_quant_with_min_max_vars(given, low, high)
    difference = np.abs(rounded(X, low, high) - expected.numpy()) / step
    assert difference.max() < 1.001 and (difference > 0.01).mean() < 0.001  # a tie goes to either side
    if keras.backend.backend() == "tensorflow":
        found = input_gradient(lambda x: fake_quant(x, low, high), X).numpy()
        np.testing.assert_array_equal(found, tape.gradient(expected, given).numpy())


def test_the_gradient_is_1_inside_and_0_outside():
    x = np.array([-1.2, -0.99, 0.0, 0.3337, 1.5, 1.7], "float32")
    found = keras.ops.convert_to_numpy(input_gradient(lambda x: fake_quant(x, -1.0, 1.55), x))
    np.testing.assert_array_equal(found, [0, 1, 1, 1, 1, 0])


@pytest.mark.parametrize("axes", [None, (0,), (0, 1)])
def test_weights_are_whole_steps(axes):
    weights = X[:60].reshape(5, 4, 3).copy()
    weights[:, :, 1] *= 100
    step = np.abs(weights).max(axis=axes, keepdims=True) / 127
    found = keras.ops.convert_to_numpy(fake_quant_weights(weights, axes))
    np.testing.assert_allclose(found, np.round(weights / step) * step, rtol=1e-5)
    np.testing.assert_allclose(np.abs(found).max(axis=axes), np.abs(weights).max(axis=axes), rtol=1e-6)
    gradient = keras.ops.convert_to_numpy(input_gradient(lambda w: fake_quant_weights(w, axes), weights))
    np.testing.assert_array_equal(gradient, np.ones((5, 4, 3)))


def test_weights_of_0_stay_and_half_precision_comes_back():
    assert not keras.ops.convert_to_numpy(fake_quant_weights(np.zeros((3, 2), "float32"), (0,))).any()
    half = keras.ops.convert_to_tensor(X[:10].astype("float16"))
    assert fake_quant_weights(half).dtype == half.dtype and fake_quant(half, -1.0, 1.0).dtype == half.dtype
