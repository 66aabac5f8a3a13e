import io
import struct
import wave

import numpy as np
import pytest
from scipy.io import wavfile

from tlkeras.data.sound import prepared, read_wav

TONE = 0.5 * np.sin(2 * np.pi * 440 * np.arange(800) / 8000)


def wav(samples, rate=8000):
    file = io.BytesIO()
    wavfile.write(file, rate, samples)
    return file.getvalue()


def wav_24(samples):
    file = io.BytesIO()
    with wave.open(file, "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(3)
        made.setframerate(8000)
        made.writeframes(b"".join(struct.pack("<i", value)[:3] for value in (samples * 2**23).astype("int32")))
    return file.getvalue()


ENCODED = {
    "8": (wav((TONE * 128 + 128).astype("uint8")), 1 / 128),
    "16": (wav((TONE * 2**15).astype("int16")), 2**-15),
    "24": (wav_24(TONE), 2**-23),
    "32": (wav((TONE * 2**31).astype("int32")), 2**-23),  # float32 holds 24 bits
    "float32": (wav(TONE.astype("float32")), 1e-7),
    "float64": (wav(TONE), 1e-7),
}


@pytest.mark.parametrize("kind", ENCODED)
def test_every_coding_gives_the_same_sound(kind):
    encoded, step = ENCODED[kind]
    samples, rate = read_wav(encoded)
    assert rate == 8000 and samples.shape == (800, 1) and samples.dtype == "float32"
    np.testing.assert_allclose(samples[:, 0], TONE, atol=1.01 * step)


def test_chunks_without_sound_are_passed_over_in_silence():
    encoded = ENCODED["16"][0]
    with_chunk = encoded[:36] + b"bext" + struct.pack("<I", 4) + b"abcd" + encoded[36:]
    np.testing.assert_array_equal(read_wav(with_chunk)[0], read_wav(encoded)[0])


@pytest.mark.parametrize("kept", (0, 3, 20, 43, 44, 45, 100, 1001, 1642, 1643))
def test_a_truncated_file_is_refused_wherever_it_ends(kept):
    assert len(ENCODED["16"][0]) == 1644
    with pytest.raises(ValueError, match="empty" if kept == 0 else "no whole wav file"):
        read_wav(ENCODED["16"][0][:kept])


def test_other_codings_and_other_files_are_refused():
    law = bytearray(ENCODED["16"][0])
    law[20:22] = struct.pack("<H", 7)
    with pytest.raises(ValueError, match="MULAW"):
        read_wav(bytes(law))
    with pytest.raises(ValueError, match="no whole wav file"):
        read_wav(b"ID3 this is an mp3, renamed")


def test_channels_are_averaged_and_a_short_recording_stands_in_the_middle():
    stereo = np.stack([np.full(4, 0.5), np.full(4, 0.25)], axis=1).astype("float32")
    np.testing.assert_array_equal(
        prepared(stereo, 8000, 8000, 7, "centre"), np.array([0, 0.375, 0.375, 0.375, 0.375, 0, 0], "float32")
    )


def test_what_is_longer_is_cut_in_the_middle_or_where_it_is_loudest():
    samples = np.array([0.1, 0.1, 0.2, 0.1, 0.1, -0.9, 0.5, 0.1], "float32")[:, np.newaxis]
    np.testing.assert_array_equal(prepared(samples, 8000, 8000, 4, "centre"), samples[2:6, 0])
    np.testing.assert_array_equal(prepared(samples, 8000, 8000, 2, "loudest"), samples[5:7, 0])


def test_another_rate_keeps_pitch_and_duration():
    rate = 44100
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)[:, np.newaxis].astype("float32")
    found = prepared(tone, rate, 8000, 8000, "centre")
    assert np.abs(np.fft.rfft(found)).argmax() == 440
    middle, wanted = slice(100, -100), 0.5 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    np.testing.assert_allclose(found[middle], wanted[middle], atol=2e-3)
    high = 0.5 * np.sin(2 * np.pi * 6000 * np.arange(rate) / rate)[:, np.newaxis].astype("float32")
    assert np.abs(prepared(high, rate, 8000, 8000, "centre")[middle]).max() < 0.01  # filtered, not folded to 2 kHz


@pytest.mark.parametrize(
    ("samples", "text"),
    (
        (np.zeros((0, 1)), "no samples"),
        (np.zeros((9, 2)), "it is silent"),
        (np.array([[1.0, -1.0]] * 9), "cancel each other"),
        (np.array([[0.0], [np.nan]]), "not finite"),
        (np.array([[20000.0]]), "reach 20000"),
    ),
)
def test_what_cannot_be_used_is_refused(samples, text):
    with pytest.raises(ValueError, match=text):
        prepared(samples.astype("float32"), 8000, 8000, 4, "centre")


def test_floats_a_little_above_full_scale_are_clipped():
    assert prepared(np.array([[1.5], [-1.2]], "float32"), 8000, 8000, 2, "centre").tolist() == [1, -1]
