"""Recordings end to end in one npz file."""

import numpy as np

from tlkeras.data.recordings import WaveArchive


def wave_archive(where, look, class_names, labelled=True) -> WaveArchive:
    """Returns the recordings of an npz file, checked for what is in it.

    Args:
        where: `pathlib.Path` of the file, as in `tlkeras.data.waveforms`.
        look: `{"rate", "seconds", "crop"}`.
        class_names: The classes in the order of their labels, or None for those of the file.
        labelled: Whether labels are read.

    Raises:
        ValueError: If it is no such file, or its labels are not `class_names`.
    """
    try:
        with np.load(where) as stored:
            parts = {name: stored[name] for name in ("samples", "offsets", "label", "rate") if name in stored}
    except Exception as error:  # np.load raises many types, zipfile's among them
        raise ValueError(f"`where` must be an npz file of recordings. Received: {where} ({error})") from error
    samples, offsets = (parts.get(name, np.zeros(0)) for name in ("samples", "offsets"))
    whole = samples.ndim == 1 and samples.dtype.kind in "if" and offsets.ndim == 1 and offsets.dtype.kind in "iu"
    if not whole or len(offsets) < 2 or offsets[0] < 0 or offsets[-1] > len(samples) or (np.diff(offsets) < 0).any():
        raise ValueError(
            "The npz must hold `samples`, signed integers or floats in a row, and `offsets`, which rise and end within "
            f"them. Received: {where} with {({name: (part.dtype.name, part.shape) for name, part in parts.items()})}"
        )
    spans = np.stack([offsets[:-1], offsets[1:]], axis=1).astype("int64")
    labels, classes = np.full(len(spans), -1), ()
    if labelled:
        labels, classes = _labels(parts.get("label"), len(spans), class_names, where)
    names = tuple(f"{where.name}/{row}" for row in range(len(spans)))
    rate = int(parts.get("rate", look["rate"]))
    return WaveArchive(
        names, labels.astype("int64"), classes, ("",) * len(names), **look,
        samples=samples, spans=spans, recorded_rate=rate,
    )  # fmt: skip


def _labels(found, rows, class_names, where):
    if found is None or found.shape != (rows,):
        raise ValueError(
            f"The npz must hold `label`, one for each of its {rows} recordings. "
            f"Received: {where} with {'none' if found is None else f'shape {found.shape}'}"
        )
    names, labels = np.unique(found.astype("str"), return_inverse=True)
    if found.dtype.kind in "iu":  # "10" after "9"
        values, labels = np.unique(found, return_inverse=True)
        names = values.astype("str")
    if class_names is None:
        return labels, tuple(names.tolist())
    if set(names) != set(class_names) or len(set(class_names)) < len(class_names):
        raise ValueError(
            f"The labels of {where} must be `class_names`, each once. "
            f"Received: labels {names.tolist()}, class_names={list(class_names)}"
        )
    return np.asarray([list(class_names).index(name) for name in names])[labels], tuple(class_names)
