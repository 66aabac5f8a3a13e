import keras
import numpy as np

from tlkeras.bundle.samples import stored_inputs


def model_of(*shape):
    inputs = keras.Input(shape)
    return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))


def test_they_are_some_of_those_that_verify():
    samples = np.arange(400, dtype="float32").reshape(400, 1) / 2
    rows = np.arange(1, 400, 2)
    kept = stored_inputs(model_of(1), samples, rows, (0, 255))
    assert len(kept) == 64 and kept.dtype == "float32" and len(np.unique(kept)) == 64
    assert set(kept[:, 0]) <= set(samples[rows, 0]) and (kept[0], kept[-1]) == (samples[1], samples[399])
    few = stored_inputs(model_of(1), samples[:9].astype("uint8"), rows[:4], None)
    np.testing.assert_array_equal(few[:, 0], [0, 1, 2, 3])


def test_large_ones_are_few():
    samples = np.zeros((40, 512, 512, 3), "uint8")  # 0.75 MiB each
    assert len(stored_inputs(model_of(512, 512, 3), samples, np.arange(40), (0, 255))) == 5


def test_without_samples_they_are_random_in_the_range():
    kept = stored_inputs(model_of(50), None, None, (2, 3))
    assert kept.shape == (64, 50) and 2 <= kept.min() < 2.05 and 2.95 < kept.max() <= 3
    assert stored_inputs(model_of(50), None, None, None).min() < 0
