"""Recordings in class folders, wherever they are, or end to end in an npz file."""

import collections
from pathlib import Path

import numpy as np

from tlkeras.data.class_folders import class_folders, files_below, ordered
from tlkeras.data.recordings import WaveFiles
from tlkeras.data.sound import CROPS
from tlkeras.data.sound_checks import EXTENSIONS, verified
from tlkeras.data.wave_archive import wave_archive


def waveforms(where, rate, *, seconds=1.0, crop="centre", class_names=None, skip_unreadable=False):
    """Finds labelled recordings and verifies that each can be read and is not silent.

    Either a folder that holds one folder of wav files for each class (files in folders inside it belong to the class),
    or an npz file with `samples`, all recordings end to end (int16 or other signed integers, or floats in [-1, 1]);
    `offsets`, where each begins, and the end of the last; `label`, one integer or text for each; and, where it is not
    `rate`, their own `rate`.

    Wav files are PCM of 8, 16, 24, 32 bits or floats. Several channels become their mean, another rate is resampled,
    what is longer is cut, and floats beyond 1 are clipped: how many is printed. What is shorter is padded with silence
    on both sides.

    Args:
        where: The folder, or the npz file.
        rate: Samples a second of what is given to the model.
        seconds: Length of what is given to the model.
        crop: What is left of longer recordings: `"centre"`, or `"loudest"`, the part of the largest energy.
        class_names: The classes in the order of their labels: give a test set those of the training set. By default
            the folder names, sorted as text, or the labels of the npz, sorted.
        skip_unreadable: Leave out what cannot be read or is silent and print it, instead of raising.

    Returns:
        `Waveforms`: `found[rows]` gives float32 `(rows, samples)`; `.labels`, `.class_names`, `.counts`,
        `.fingerprint`; `.batches()` for `fit`, `.split()`, `.subset()`.

    Raises:
        ValueError: If there is no recording or no class, a class is empty, the classes differ from `class_names`, an
            argument is out of range, or recordings cannot be used (every one is named, with the reason).

    Example:
        >>> np.savez("theo.npz", samples=np.full(9000, 100, "int16"), offsets=[0, 4000, 9000], label=[7, 3])
        >>> found = waveforms("theo.npz", 8000, seconds=0.5)
        theo.npz: 1 of 2 recordings are longer than 0.5 s: their centre is taken
        >>> found.class_names, found.labels.tolist(), found[:].shape
        (('3', '7'), [1, 0], (2, 4000))
    """
    where, look = Path(where), _checked_look(rate, seconds, crop)
    if where.is_file():
        found = wave_archive(where, look, class_names)
    else:
        found = _class_files(where, look, class_names)
    found = verified(found, where, skip_unreadable)
    empty = [name for name, count in found.counts.items() if not count]
    if empty:
        raise ValueError(f"Every class must have a recording that can be used. Received: none of {empty} in {where}")
    return found


def unlabelled_waveforms(where, rate, *, seconds=1.0, crop="centre", skip_unreadable=False):
    """Finds recordings whatever their folders are named, and verifies them.

    The target of an adaptation: class folders, and labels in an npz file, are not looked at.

    Args:
        where: A folder, below which every wav file is taken; a list of wav files; or an npz file as in `waveforms`.
        rate: As in `waveforms`.
        seconds: As in `waveforms`.
        crop: As in `waveforms`.
        skip_unreadable: As in `waveforms`.

    Returns:
        `Waveforms` whose `.labels` are all -1 and which has no classes.

    Raises:
        ValueError: As in `waveforms`.

    Example:
        >>> from scipy.io import wavfile
        >>> wavfile.write("one.wav", 8000, np.full((6000, 2), 50, "int16"))
        >>> unlabelled_waveforms(["one.wav"], 4000)[:].shape
        one.wav: 1 of 1 recordings have 2 channels: their mean is taken
        one.wav: 1 of 1 recordings have 8000 Hz: they are resampled to 4000 Hz
        (1, 4000)
    """
    look = _checked_look(rate, seconds, crop)
    if isinstance(where, list | tuple):
        names = tuple(str(path) for path in where)
        found = _files(names, np.full(len(names), -1), (), look, Path())
        return verified(found, names[0] if len(names) == 1 else f"{len(names)} files", skip_unreadable)
    where = Path(where)
    if where.is_file():
        found = wave_archive(where, look, None, labelled=False)
    elif where.is_dir():
        ignored = collections.Counter()
        names = tuple(path.relative_to(where).as_posix() for path in files_below(where, ignored, EXTENSIONS))
        _print_ignored(where, ignored)
        found = _files(names, np.full(len(names), -1), (), look, where)
    else:
        raise ValueError(f"`where` must be a folder, a list of wav files or an npz file. Received: {where}")
    return verified(found, where, skip_unreadable)


def _checked_look(rate, seconds, crop):
    if isinstance(rate, bool) or int(rate) != rate or rate < 1 or not round(rate * seconds) >= 1:
        raise ValueError(
            "`rate` must be an integer >= 1, and `seconds` at least one sample. "
            f"Received: rate={rate!r}, seconds={seconds!r}"
        )
    if crop not in CROPS:
        raise ValueError(f"`crop` must be one of {CROPS}. Received: crop={crop!r}")
    return {"rate": int(rate), "seconds": seconds, "crop": crop}


def _files(names, labels, class_names, look, directory):
    return WaveFiles(names, np.asarray(labels, "int64"), class_names, ("",) * len(names), **look, directory=directory)


def _class_files(where, look, class_names):
    ignored = collections.Counter()
    folders = class_folders(where, ignored, EXTENSIONS)
    classes, names, labels = ordered(folders, class_names, where), [], []
    for label, name in enumerate(classes):
        below = files_below(folders[name], ignored, EXTENSIONS)
        names += [path.relative_to(where).as_posix() for path in below]
        labels += [label] * len(below)
    _print_ignored(where, ignored)
    return _files(tuple(names), labels, classes, look, where)


def _print_ignored(where, ignored):
    if ignored:
        kinds = ", ".join(f"{count} {extension}" for extension, count in sorted(ignored.items()))
        print(f"{where}: ignored {sum(ignored.values())} files that are no wav ({kinds})")
