import keras
import numpy as np
import pytest
import scipy.signal

from tlkeras import export
from tlkeras.layers import LogMel, log_mel

RATE = 8000
NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, (3, 2000)).astype("float32")


def test_scipys_frames_and_triangles_by_hand_give_the_same():
    _, _, found = scipy.signal.stft(
        NOISE, RATE, "hann", 160, 80, boundary=None, padded=False, detrend=False, scaling="spectrum"
    )
    power = np.square(np.abs(found) * scipy.signal.get_window("hann", 160).sum()).transpose(0, 2, 1)
    edges = np.linspace(1127 * np.log(1 + 60 / 700), 1127 * np.log(1 + 4000 / 700), 22)
    matrix = np.zeros((81, 20))
    for row in range(1, 81):
        place = 1127 * np.log(1 + row * 50 / 700)
        for mel in range(20):
            low, middle, high = edges[mel : mel + 3]
            matrix[row, mel] = max(0, min((place - low) / (middle - low), (high - place) / (high - middle)))
    expected = np.log(power @ matrix + 1e-6)
    layer = LogMel(RATE, 20)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(layer(NOISE)), expected, atol=1e-4)
    assert layer.compute_output_shape((3, 2000)) == (3, 24, 20) == expected.shape


def test_tensorflows_triangles_are_the_same():
    tf = pytest.importorskip("tensorflow")
    expected = tf.signal.linear_to_mel_weight_matrix(40, 201, 16000, 80.0, 8000.0).numpy()
    np.testing.assert_allclose(log_mel.mel_matrix(16000, 400, 40, 80.0), expected, atol=1e-4)


def test_a_tone_is_where_it_belongs_and_silence_is_the_offset():
    tone = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)[np.newaxis].astype("float32")
    found = keras.ops.convert_to_numpy(LogMel(RATE, 32)(tone))
    edges = 700 * np.expm1(np.linspace(*(1127 * np.log1p(f / 700) for f in (60, 4000)), 34) / 1127)
    assert (np.abs(edges[1:-1] - 1000).argmin() == found.argmax(axis=2)).all()
    silent = keras.ops.convert_to_numpy(LogMel(RATE, 32, offset=1e-3)(0 * tone))
    np.testing.assert_allclose(silent, np.log(1e-3), atol=1e-5)


def test_the_layer_travels_in_a_file_and_computes_in_float32(tmp_path):
    layer = LogMel(16000, 40, window=0.025, hop=0.016, lowest=80.0, offset=1e-3, dtype="mixed_float16")
    inputs = keras.Input((16000,))
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    rows = np.random.default_rng(1).uniform(-1, 1, (2, 16000)).astype("float32")
    np.testing.assert_array_equal(again.predict(rows, verbose=0), model.predict(rows, verbose=0))
    plain = LogMel(16000, 40, window=0.025, hop=0.016, lowest=80.0, offset=1e-3)(rows)
    np.testing.assert_allclose(again.predict(rows, verbose=0), keras.ops.convert_to_numpy(plain), atol=5e-3)
    assert again.output_shape == (None, 61, 40) and not model.weights


@pytest.mark.parametrize(
    ("arguments", "text"),
    (
        ({"rate": 0}, "`rate`"),
        ({"mels": 2.5}, "`mels`"),
        ({"window": 0}, "`window`"),
        ({"hop": 0.00001}, "`hop`"),
        ({"lowest": 4000.0}, "`lowest`"),
        ({"offset": 0}, "`offset`"),
        ({"mels": 80}, "of which .* are empty at 50 Hz a frequency"),
    ),
)
def test_arguments_out_of_range(arguments, text):
    with pytest.raises(ValueError, match=text):
        LogMel(**{"rate": RATE} | arguments)


@pytest.mark.parametrize("shape", ((2, 159), (2, 2000, 1)))
def test_inputs_that_are_no_waveforms(shape):
    with pytest.raises(ValueError, match="takes waveforms \\(batch, samples >= 160\\)"):
        LogMel(RATE)(np.zeros(shape, "float32"))


def test_it_runs_as_litert_builtins(tmp_path):
    inputs = keras.Input((2000,))
    model = keras.Model(inputs, LogMel(RATE, 20)(inputs))
    facts = export.export_litert(model, tmp_path / "mel.tflite", samples=NOISE, value_range=None, min_agreement=0.9)
    assert facts["max_abs_diff"] < 1e-3


def test_in_an_int8_file_it_stays_float_and_8_bits_begin_behind_it(tmp_path, capsys):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((2000,))
    x = keras.layers.Rescaling(0.2, 2.0)(LogMel(RATE, 20, name="log_mel")(inputs))
    x = keras.layers.Conv1D(16, 3, strides=2, activation="relu", name="conv")(x)
    x = keras.layers.Flatten()(keras.layers.Conv1D(16, 3, strides=2, activation="relu", name="conv_2")(x))
    model = keras.Model(inputs, keras.layers.Dense(4, name="logits")(x))
    draw = np.random.default_rng(0)
    tones = np.sin(2 * np.pi * draw.uniform(100, 3500, (120, 1)) * np.arange(2000) / RATE)
    waves = (tones * 10 ** draw.uniform(-3, 0, (120, 1))).astype("float32")
    facts = export.export_litert(
        model, tmp_path / "model.tflite", samples=waves[40:], value_range=None, quantize="int8",
        calibration=waves[:40].copy(), min_agreement=0.5, max_drop=5.0,
    )  # fmt: skip
    assert facts["agreement"] >= 0.95 and "log_mel" in " ".join(facts["float_layers"])
    assert max(facts["float_layers"].values()) == np.inf  # a sum that is rounded to 0 has no logarithm
    assert not any("'conv" in name or "'logits'" in name for name in facts["float_layers"])
