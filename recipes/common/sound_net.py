"""A small network of convolutions on log-mel spectrograms, from waveform to features."""

import keras

from tlkeras.layers import LogMel, SpecAugment

WINDOW, HOP, MELS = 0.02, 0.016, 32  # at 8 kHz the basis of the DFT is 101 kB in float32
CUT = "log_mel"  # what is below has no weights and runs once


def sound_net(samples, rate, width=16):
    """Returns a backbone from waveforms in [-1, 1] to features: four convolutions, each of half the size.

    Its first BatchNorm is of each mel: with BatchNorm of each domain, that takes a microphone's colour away.

    Args:
        samples: Length of the waveforms.
        rate: Samples a second.
        width: Channels of the first convolution; the last has four times as many.
    """
    waveform = keras.Input((samples,), name="waveform")
    x = LogMel(rate, MELS, window=WINDOW, hop=HOP, name=CUT)(waveform)
    x = SpecAugment(name="augment")(x)
    x = keras.layers.BatchNormalization(momentum=0.9, name="mel_norm")(x)
    x = keras.layers.Reshape((*x.shape[1:], 1), name="picture")(x)
    for block in range(1, 5):
        name = f"block_{block}"
        x = keras.layers.Conv2D(block * width, 3, strides=2, padding="same", use_bias=False, name=f"{name}_conv")(x)
        x = keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
        x = keras.layers.ReLU(name=f"{name}_relu")(x)
    return keras.Model(waveform, keras.layers.GlobalAveragePooling2D(name="features")(x), name="sound_net")
