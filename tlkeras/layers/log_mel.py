"""Sound as a picture: the energies of a waveform by time and pitch."""

import keras
import numpy as np


@keras.saving.register_keras_serializable("tlkeras")
class LogMel(keras.layers.Layer):
    """Turns waveforms into log-mel spectrograms: `log(|DFT(hann * frame)|^2 M + offset)`, natural logarithm.

    The windowed DFT of all frames is one strided convolution with a fixed basis; real and imaginary part are added by
    the matrix `M`, another convolution. With a square and the logarithm that is all, and LiteRT has it as builtins. `M`
    holds triangles of equal width on the mel scale, `1127 log(1 + f / 700)`, up to half the rate, as
    `tf.signal.linear_to_mel_weight_matrix` makes them. It computes in float32 whatever the policy; nothing is trained.

    A wholly 8-bit file is of no use: energies span six decades, and 8 bits two. Write it with `max_drop`
    (`tlkeras.export.export_litert`): this layer then stays float32, and 8 bits begin behind it.

    Args:
        rate: Samples a second of the waveforms, an integer >= 1.
        mels: Number of triangles, an integer >= 1.
        window: Length of a frame, in seconds; the DFT is as long.
        hop: From one frame to the next, in seconds. The last samples that fill no frame are left out.
        lowest: Where the first triangle begins, in Hz.
        offset: Number > 0 that is added to the energies; -13.8 is then silence, for waveforms in [-1, 1].
        **kwargs: Keras layer arguments.

    Raises:
        ValueError: If an argument is out of range, a triangle is so narrow that no frequency of the DFT falls into it,
            or (when built) the waveforms are not `(batch, samples)` with at least one frame.

    Example:
        >>> tuple(LogMel(8000, mels=32)(keras.ops.zeros((2, 8000))).shape)
        (2, 99, 32)
    """

    def __init__(self, rate, mels=32, *, window=0.02, hop=0.01, lowest=60.0, offset=1e-6, **kwargs):
        super().__init__(autocast=False, **kwargs)
        for name, size in {"rate": rate, "mels": mels}.items():
            if isinstance(size, bool) or not isinstance(size, int) or size < 1:
                raise ValueError(f"`{name}` must be an integer >= 1. Received: {name}={size!r}")
        for name, seconds in {"window": window, "hop": hop}.items():
            if round(seconds * rate) < 1:
                raise ValueError(f"`{name}` must be at least one sample at rate={rate}. Received: {name}={seconds}")
        if not 0 <= lowest < rate / 2:
            raise ValueError(f"`lowest` must be in [0, rate / 2). Received: lowest={lowest}, rate={rate}")
        if offset <= 0:
            raise ValueError(f"`offset` must be positive. Received: offset={offset}")
        self.rate, self.mels, self.window, self.hop = rate, mels, window, hop
        self.lowest, self.offset = lowest, offset
        self.frame_samples, self.hop_samples = round(window * rate), round(hop * rate)
        matrix = mel_matrix(rate, self.frame_samples, mels, lowest)
        heard = np.flatnonzero(matrix.any(axis=1))  # no other frequency is computed
        self._basis = _windowed_dft(self.frame_samples, heard)
        self._matrix = np.concatenate([matrix[heard]] * 2)

    def build(self, shape):
        """Checks the shape `(batch, samples)`."""
        if len(shape) != 2 or (shape[1] is not None and shape[1] < self.frame_samples):
            raise ValueError(
                f"`LogMel` takes waveforms (batch, samples >= {self.frame_samples}), one frame. Received: shape={shape}"
            )

    def call(self, waveforms):
        """Returns the spectrograms, `(batch, frames, mels)`."""
        signal = keras.ops.expand_dims(keras.ops.cast(waveforms, "float32"), -1)
        spectrum = keras.ops.conv(signal, self._basis, self.hop_samples, "valid", data_format="channels_last")
        # LiteRT has no 8-bit square, and a product with a matrix would become a dozen operators there.
        energies = keras.ops.conv(spectrum * spectrum, self._matrix[np.newaxis], data_format="channels_last")
        return keras.ops.cast(keras.ops.log(energies + self.offset), self.compute_dtype)

    def compute_output_shape(self, shape):
        """Returns `(batch, frames, mels)`."""
        frames = None if shape[1] is None else (shape[1] - self.frame_samples) // self.hop_samples + 1
        return (shape[0], frames, self.mels)

    def get_config(self):
        """Returns the arguments of the layer."""
        names = ("rate", "mels", "window", "hop", "lowest", "offset")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def mel_matrix(rate, length, mels, lowest):
    """Returns the triangles, float32 `(length // 2 + 1, mels)`: what each frequency of the DFT adds to each.

    Args:
        rate: Samples a second.
        length: Of the DFT.
        mels: Number of triangles.
        lowest: Where the first begins, in Hz.

    Raises:
        ValueError: If no frequency falls into a triangle.
    """
    places = _mel(np.arange(length // 2 + 1) * rate / length)[:, np.newaxis]
    edges = np.linspace(_mel(lowest), _mel(rate / 2), mels + 2)
    rising, falling = (places - edges[:-2]) / np.diff(edges)[:-1], (edges[2:] - places) / np.diff(edges)[1:]
    matrix = np.maximum(0, np.minimum(rising, falling))
    matrix[0] = 0  # a constant is no sound
    empty = np.flatnonzero(~matrix.any(axis=0))
    if empty.size:
        raise ValueError(
            "`mels` must leave each triangle a frequency of the DFT: fewer of them, a longer window, or a higher "
            f"`lowest`. Received: mels={mels}, of which {empty.size} are empty at {rate / length:g} Hz a frequency"
        )
    return matrix.astype("float32")


def _mel(frequency):
    return 1127 * np.log1p(np.asarray(frequency) / 700)


def _windowed_dft(length, frequencies):
    """Returns a convolution's kernel, float32 `(length, 1, 2 * frequencies)`: cosines, then sines, under Hann."""
    places = np.arange(length)[:, np.newaxis]
    angles = 2 * np.pi * places * frequencies / length
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * places / length)
    return (hann * np.concatenate([np.cos(angles), np.sin(angles)], axis=1))[:, np.newaxis].astype("float32")
