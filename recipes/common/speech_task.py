"""Speakers, some labelled and one new, and a small network on waveforms: the task of `recipes/spoken_digits.py`."""

import dataclasses
from pathlib import Path

import numpy as np

from recipes.common.adaptation import head
from recipes.common.sound_net import CUT, sound_net
from recipes.common.speakers import write_speakers
from recipes.common.task import Rows, Task
from tlkeras import data, surgery
from tlkeras.backbones import from_hub


class SpeechTask(Task):
    """Recordings that are read once, and so are their spectrograms.

    Args:
        flags: `recipes.common.speech_flags.Flags`.
        folder: `pathlib.Path`; speakers made of tones are written into its `speakers` where there are no recordings.

    Raises:
        ValueError: If there are no such speakers, their recordings cannot be used or have other classes.
    """

    unit = "recordings"
    value_range = None
    max_drop = 3.0
    backbone_rate = 1.0

    def __init__(self, flags, folder):
        if not flags.data:
            write_speakers(folder / "speakers", takes=4 if flags.smoke else 12)
        places = speakers(Path(flags.data) if flags.data else folder / "speakers")
        self.target_name, self.source_names = chosen(places, flags)
        try:
            self._read(places, flags)
        except ValueError as error:
            raise ValueError(str(error).replace("`skip_unreadable=True`", "`--skip-unreadable`")) from error
        self.source_labels = np.concatenate([source.labels for source in self.sources])
        self.target_count, self.rows = len(self.target), None
        self.place = "features" if flags.backbone else CUT
        self.fingerprint = self.backbone(flags).fingerprint if flags.backbone else None
        self.test_labels = None if self.test is None else self.test.labels

    def _read(self, places, flags):
        look = {"seconds": flags.seconds, "crop": flags.crop, "skip_unreadable": flags.skip_unreadable}
        first, *others = self.source_names
        found = data.waveforms(places[first], flags.rate_hz, **look)
        if len(found.class_names) < 2:
            raise ValueError(f"There must be at least two classes. Received: {found.counts} of {first}")
        self.names = look["class_names"] = found.class_names
        self.sources = [found, *(data.waveforms(places[name], flags.rate_hz, **look) for name in others)]
        place, self.test = places[self.target_name], None
        if labelled(place):  # to score; the rows that train are the same, without their labels
            self.test = data.waveforms(place, flags.rate_hz, **look)
            self.target = dataclasses.replace(self.test, labels=np.full(len(self.test), -1), class_names=())
        else:
            del look["class_names"]
            self.target = data.unlabelled_waveforms(place, flags.rate_hz, **look)

    def backbone(self, flags):
        """Returns what gives features of waveforms.

        Raises:
            ValueError: If it is of a hub and takes no single waveform, or has no such output.
        """
        if not flags.backbone:
            return sound_net(self.target.count, flags.rate_hz)
        output = int(flags.output) if flags.output.isdecimal() else flags.output
        return from_hub(flags.backbone, input_shape=(self.target.count,), output=output)

    def whole(self, flags, way):
        """Returns a new model on waveforms."""
        return head(self.backbone(flags), len(self.names), way.bottleneck, flags.dropout)

    def cut(self, model, flags):
        """Returns the part above the spectrograms, or above the features of a hub's model, and its inputs."""
        frozen, part = surgery.split(model, self.place)
        if self.rows is None:
            waves = (np.concatenate([source[:] for source in self.sources]), self.target[:])
            source, target = (frozen.predict(rows, batch_size=256, verbose=0) for rows in waves)
            self.rows = Rows(source, target, None if self.test is None else target)
        return part, self.rows

    def target_inputs(self, indices):
        """Returns some waveforms of the target."""
        return self.target[indices]

    def on_device(self, model, folder):
        """Returns the model; on a hub's model the head alone: LiteRT does not run its loop over rows."""
        if self.place == CUT:
            return super().on_device(model, folder)
        print("The LiteRT files take the features of the hub's model, which is not in them.")
        frozen, part = surgery.split(model, self.place)
        return part, lambda waves: frozen.predict(waves, batch_size=64, verbose=0)


def speakers(folder):
    """Returns `{name: path}` of the speakers in a folder: npz files and folders."""
    found = {path.stem: path for path in sorted(folder.glob("*.npz"))}
    found |= {path.name: path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")}
    if len(found) < 2:
        raise ValueError(
            "`--data` must hold at least two speakers, each an npz file or a folder of class folders of wav files. "
            f"Received: {folder} with {sorted(found)}"
        )
    return found


def labelled(place):
    """Returns whether a speaker's recordings have labels: `label` in the npz, class folders in the folder."""
    if place.is_dir():
        return any(path.is_dir() and not path.name.startswith(".") for path in place.iterdir())
    with np.load(place) as stored:
        return "label" in stored


def chosen(places, flags):
    """Returns the target and the sources by name.

    Raises:
        ValueError: If one is not there, or the target is a source.
    """
    target = flags.target or max(places)
    sources = flags.source.split(",") if flags.source else [name for name in sorted(places) if name != target]
    unknown = [name for name in (target, *sources) if name not in places]
    if unknown or target in sources or len(set(sources)) < len(sources):
        raise ValueError(
            f"`--target` and `--source` must be different speakers of {', '.join(sorted(places))}. "
            f"Received: target {target}, sources {', '.join(sources)}"
        )
    return target, sources
