import keras
import numpy as np
import pytest

from tlkeras.export import to_litert
from tlkeras.export.memory import peak_memory


def test_the_weights_are_in_it_and_this_process_is_not(dense_files, tmp_path):
    inputs = keras.Input((2000,))
    model = keras.Model(inputs, keras.layers.Dense(5000)(inputs))
    large = to_litert(model, tmp_path / "m.tflite", value_range=None)
    ballast = np.ones(50_000_000 // 8)  # a child's ru_maxrss would start above it
    extra = peak_memory(large) - peak_memory(dense_files["float32"])
    assert ballast.all() and 0.9 * 40e6 < extra < 3 * 40e6  # 10 million float32 weights


def test_a_failing_process_says_why(tmp_path):
    (tmp_path / "m.tflite").write_bytes(b"no")
    with pytest.raises(RuntimeError, match="memory of .*m.tflite failed. Received: ValueError: .*valid Flatbuffer"):
        peak_memory(tmp_path / "m.tflite")
