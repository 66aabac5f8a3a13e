import keras
import numpy as np
import pytest

from tlkeras.export import to_litert
from tlkeras.export.latency import latencies


def test_the_longer_computation_takes_longer(dense_files, tmp_path):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((64, 64, 16))
    x = inputs
    for _ in range(3):
        x = keras.layers.Conv2D(16, 3)(x)
    large = to_litert(keras.Model(inputs, x), tmp_path / "m.tflite", value_range=None)
    small_times, large_times = latencies([dense_files["float32"], large])
    assert len(small_times) == len(large_times) == 200 and min(small_times) > 0
    assert np.median(large_times) > 5 * np.median(small_times)  # 28 million products beside 34 thousand


def test_several_inputs_of_several_types(tmp_path):
    words, numbers = keras.Input((4,), dtype="int32"), keras.Input((8,))
    merged = keras.layers.Flatten()(keras.layers.Embedding(2, 2)(words))
    model = keras.Model([words, numbers], keras.layers.Concatenate()([merged, numbers]))
    path = tmp_path / "m.tflite"
    model.export(path, format="litert", verbose=False)
    assert len(latencies([path], threads=2)[0]) == 200


def test_a_slow_machine_ends_early(dense_files, monkeypatch):
    monkeypatch.setattr("tlkeras.export.latency.LONGEST", 0.0)
    assert [len(times) for times in latencies([dense_files["float32"]] * 2)] == [30, 30]


def test_text_is_refused(tmp_path):
    import tensorflow as tf

    function = tf.function(lambda text: tf.identity(text), input_signature=[tf.TensorSpec((1,), tf.string)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    (tmp_path / "m.tflite").write_bytes(converter.convert())
    with pytest.raises(ValueError, match=r"must take numbers. Received: an input of type .* in .*m.tflite"):
        latencies([tmp_path / "m.tflite"])
