"""Speakers made of tones: what the recipe of spoken digits runs on where there are no recordings."""

import numpy as np

RATE = 8000
VOICES = {"alto": 1.0, "bass": 0.7, "soprano": 1.35, "tenor": 0.85}  # how high each speaks
TAKES = 12


def write_speakers(folder, words=10, takes=TAKES):
    """Writes one npz file for each made-up speaker, as `tlkeras.data.waveforms` reads them.

    A word is three notes, the same for all; a speaker has a height, a tempo, a timbre and a loudness of their own.

    Args:
        folder: `pathlib.Path`, made if it is absent.
        words: Number of classes.
        takes: Recordings of each word.
    """
    folder.mkdir(parents=True, exist_ok=True)
    notes = np.random.default_rng(0).uniform(250, 1500, (words, 3))
    for number, (name, height) in enumerate(VOICES.items()):
        draw = np.random.default_rng(1 + number)
        labels = np.repeat(np.arange(words), takes)
        clips = [_word(notes[label] * height, 0.12 + 0.02 * number, 0.2 * number, draw) for label in labels]
        offsets = np.cumsum([0] + [len(clip) for clip in clips])
        np.savez(folder / f"{name}.npz", samples=np.concatenate(clips), offsets=offsets, label=labels, rate=RATE)


def _word(notes, seconds, brightness, draw):
    """Returns one take, int16."""
    clip = []
    for note in notes * draw.normal(1, 0.03, 3):
        time = np.arange(int(RATE * seconds * draw.uniform(0.8, 1.2))) / RATE
        wave = np.sin(2 * np.pi * note * time) + brightness * np.sin(4 * np.pi * note * time)
        clip.append(wave * np.hanning(len(time)))
    clip = np.concatenate(clip) * draw.uniform(0.1, 0.4)
    return (32767 * np.clip(clip + draw.normal(0, 0.003, len(clip)), -1, 1)).astype("int16")
