"""One recording: read from a wav, made mono, resampled and cut to length."""

import io
import math
import warnings

import numpy as np
from scipy.io import wavfile
from scipy.signal import resample_poly

CROPS = ("centre", "loudest")
LOUDEST = 2.0  # a float recording may exceed 1 a little; samples beyond this are in another unit


def read_wav(encoded: bytes) -> tuple:
    """Returns the samples and the rate of a wav file: PCM of 8 to 64 bits, or floats.

    Args:
        encoded: The bytes of the file.

    Returns:
        `(samples, rate)`: float32 `(samples, channels)` in [-1, 1] (floats as they are), and samples a second.

    Raises:
        ValueError: If it is no wav, ends before its header says, or is of another coding.

    Example:
        >>> file = io.BytesIO()
        >>> wavfile.write(file, 8000, np.array([0, 16384, -32768], "int16"))
        >>> read_wav(file.getvalue())[0].ravel().tolist()
        [0.0, 0.5, -1.0]
    """
    if not encoded:
        raise ValueError("the file is empty")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", wavfile.WavFileWarning)  # of chunks that hold no sound
        warnings.filterwarnings("error", "Reached EOF", wavfile.WavFileWarning)
        try:
            rate, samples = wavfile.read(io.BytesIO(encoded))
        except Exception as error:  # struct.error, too, where it ends within its header
            raise ValueError(f"no whole wav file ({error})") from error
    if samples.dtype.kind in "ui":
        zero = 128 if samples.dtype == np.uint8 else 0
        full = 128 if samples.dtype == np.uint8 else -float(np.iinfo(samples.dtype).min)
        samples = (samples.astype("float64") - zero) / full
    return samples.reshape(len(samples), -1).astype("float32"), int(rate)


def prepared(samples: np.ndarray, rate: int, wanted: int, count: int, crop: str) -> np.ndarray:
    """Returns a recording as `count` samples: the mean of its channels, resampled, cut or padded with silence.

    Args:
        samples: float32 `(samples, channels)`.
        rate: Its samples a second.
        wanted: Samples a second of the result.
        count: Length of the result. What is shorter stands in its middle.
        crop: Of what is longer, `"centre"` or `"loudest"`, the part of the largest energy.

    Returns:
        float32 `(count,)` in [-1, 1].

    Raises:
        ValueError: If there are no samples, they are all zero, not finite, or far outside [-1, 1].

    Example:
        >>> prepared(np.ones((4, 2), "float32"), 8000, 8000, 6, "centre").tolist()
        [0.0, 1.0, 1.0, 1.0, 1.0, 0.0]
    """
    if not len(samples):
        raise ValueError("it holds no samples")
    peak = float(np.abs(samples).max())
    if not np.isfinite(peak):
        raise ValueError("it holds samples that are not finite")
    if peak == 0:
        raise ValueError("it is silent: all samples are zero")
    if peak > LOUDEST:
        raise ValueError(f"its samples must be in [-1, 1], and reach {peak:g}: divide them by full scale")
    mono = samples.mean(axis=1)
    if not mono.any():
        raise ValueError("its channels cancel each other: their mean is silent")
    if rate != wanted:
        common = math.gcd(rate, wanted)
        mono = resample_poly(mono, wanted // common, rate // common)
    return np.clip(_of_length(mono, count, crop), -1, 1).astype("float32")


def _of_length(mono, count, crop):
    spare = len(mono) - count
    if spare <= 0:
        return np.pad(mono, (-spare // 2, -spare - -spare // 2))
    energy = np.concatenate([[0], np.cumsum(np.square(mono, dtype="float64"))])
    first = spare // 2 if crop == "centre" else int(np.argmax(energy[count:] - energy[:-count]))
    return mono[first : first + count]
