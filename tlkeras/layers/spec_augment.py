"""Spectrograms that are never twice the same."""

import keras


@keras.saving.register_keras_serializable("tlkeras")
class SpecAugment(keras.layers.Layer):
    """Shifts log spectrograms in time and loudness and hides bands of time and pitch; in training only.

    Each row draws its own: a shift of at most `shift` frames, the edges repeated; a gain of at most `gain`, after which
    nothing is below the row's lowest value, so that silence stays silent; and `masks` times a band of at most
    `time_mask` frames and one of at most `pitch_mask` mels, which are replaced by the row's mean. It belongs into the
    model, below what trains: then all views are augmented, and an exported model holds nothing of it.

    Deviations from the paper: shift and gain are added, its time warping is left out.

    Args:
        shift: Integer >= 0, in frames.
        gain: Number >= 0, in units of the spectrogram: 1 is 4.3 dB of natural logarithms of energies.
        time_mask: Integer >= 0, in frames.
        pitch_mask: Integer >= 0, in mels.
        masks: Integer >= 0, how many bands on each axis.
        seed: Integer, or None.
        **kwargs: Keras layer arguments.

    Raises:
        ValueError: If an argument is negative, or (when built) rows are not `(frames, mels)` or smaller than a mask.

    Example:
        >>> spectrograms = np.random.default_rng(0).normal(size=(2, 49, 32)).astype("float32")
        >>> layer = SpecAugment(seed=0)
        >>> bool((layer(spectrograms) == spectrograms).numpy().all())
        True
        >>> bool((layer(spectrograms, training=True) == spectrograms).numpy().all())
        False

    Reference:
        Park, Chan, Zhang, Chiu, Zoph, Cubuk, Le: SpecAugment: A Simple Data Augmentation Method for Automatic Speech
        Recognition, 2019, https://arxiv.org/abs/1904.08779
    """

    def __init__(self, shift=6, *, gain=2.0, time_mask=6, pitch_mask=4, masks=1, seed=None, **kwargs):
        super().__init__(**kwargs)
        sizes = {"shift": shift, "gain": gain, "time_mask": time_mask, "pitch_mask": pitch_mask, "masks": masks}
        for name, size in sizes.items():
            if isinstance(size, bool) or size < 0 or (name != "gain" and int(size) != size):
                raise ValueError(f"`{name}` must be >= 0, and whole unless it is `gain`. Received: {name}={size!r}")
        self.shift, self.gain, self.masks, self.seed = shift, gain, masks, seed
        self.time_mask, self.pitch_mask = time_mask, pitch_mask
        self._draw = keras.random.SeedGenerator(seed)

    def build(self, shape):
        """Checks the shape `(batch, frames, mels)`."""
        if len(shape) != 3 or None in shape[1:] or shape[1] < self.time_mask or shape[2] < self.pitch_mask:
            raise ValueError(
                "`SpecAugment` takes (batch, frames, mels), of fixed sizes that hold the masks. "
                f"Received: shape={shape}, time_mask={self.time_mask}, pitch_mask={self.pitch_mask}"
            )

    def call(self, spectrograms, training=None):
        """Returns the spectrograms, in training augmented."""
        if not training:
            return spectrograms
        rows, frames, mels = keras.ops.shape(spectrograms)[0], *spectrograms.shape[1:]
        places = keras.ops.arange(frames)[None] + self._whole(rows, -self.shift, self.shift)
        places = keras.ops.clip(places, 0, frames - 1)[:, :, None]
        x = keras.ops.take_along_axis(spectrograms, keras.ops.broadcast_to(places, (rows, frames, mels)), axis=1)
        gain = keras.random.uniform((rows, 1, 1), -self.gain, self.gain, dtype=x.dtype, seed=self._draw)
        x = keras.ops.maximum(x + gain, keras.ops.min(x, axis=(1, 2), keepdims=True))
        mean = keras.ops.mean(x, axis=(1, 2), keepdims=True)
        for _ in range(self.masks):
            hidden = keras.ops.logical_or(
                self._band(rows, frames, self.time_mask)[:, :, None], self._band(rows, mels, self.pitch_mask)[:, None]
            )
            x = keras.ops.where(hidden, mean, x)
        return x

    def _whole(self, rows, low, high):
        return keras.random.randint((rows, 1), low, high + 1, seed=self._draw)

    def _band(self, rows, size, widest):
        """Returns `(rows, size)`, true in a band of at most `widest` places."""
        width = self._whole(rows, 0, widest)
        room = keras.ops.cast(size - width + 1, "float32")
        first = keras.ops.cast(keras.random.uniform((rows, 1), seed=self._draw) * room, "int32")
        places = keras.ops.arange(size, dtype="int32")[None]
        return keras.ops.logical_and(places >= first, places < first + width)

    def get_config(self):
        """Returns the arguments of the layer."""
        names = ("shift", "gain", "time_mask", "pitch_mask", "masks", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
