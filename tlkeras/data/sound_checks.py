"""Recordings read once before training, so that a broken one is found at the start."""

import collections
import dataclasses
import hashlib

import numpy as np

from tlkeras.data.sound import prepared

EXTENSIONS = frozenset((".wav", ".wave"))


def verified(found, where, skip_unreadable):
    """Returns those recordings that can be used, with their digests, and prints what becomes of them.

    Args:
        found: `Waveforms`.
        where: What to call them.
        skip_unreadable: As in `tlkeras.data.waveforms`.

    Raises:
        ValueError: If there are none, or some cannot be used (every one is named).
    """
    if not len(found):
        raise ValueError(f"`where` must hold recordings ({', '.join(sorted(EXTENSIONS))}). Received: none in {where}")
    kept, digests, broken, changes = [], [], [], collections.defaultdict(list)
    for row, name in enumerate(found.names):
        try:
            digests.append(_read(found, row, changes))
            kept.append(row)
        except (OSError, ValueError) as error:
            broken.append(f"{name}: {error}")
    if broken and not (skip_unreadable and kept):
        raise ValueError(
            f"{len(broken)} of {len(found)} recordings of {where} cannot be used; repair or remove them, or pass "
            "`skip_unreadable=True` to go on with the others. Received:\n  " + "\n  ".join(broken)
        )
    if broken:
        print(f"{where}: skipped {len(broken)} recordings that cannot be used:", *broken, sep="\n  ")
    for text, values in changes.items():
        text = text.format(", ".join(f"{value:g}" for value in sorted(set(values))))
        print(f"{where}: {len(values)} of {len(kept)} recordings {text}")
    return dataclasses.replace(found.subset(kept), digests=tuple(digests))


def _read(found, row, changes):
    """Returns the digest of one recording, and adds to `{what becomes of it: [values]}`."""
    samples, rate = found.recorded(row)
    prepared(samples, rate, found.rate, found.count, found.crop)
    if samples.shape[1] > 1:
        changes["have {} channels: their mean is taken"].append(samples.shape[1])
    if rate != found.rate:
        changes[f"have {{}} Hz: they are resampled to {found.rate} Hz"].append(rate)
    if len(samples) > round(found.seconds * rate):
        part = "centre" if found.crop == "centre" else "loudest part"
        changes[f"are longer than {found.seconds:g} s: their {part} is taken"].append(len(samples) / rate)
    if np.abs(samples).max() > 1:
        changes["go beyond 1: they are clipped"].append(1)
    return hashlib.sha256(samples.tobytes() + str((samples.shape, rate)).encode()).hexdigest()
