"""The flags of `recipes/distill_to_edge.py`."""

import dataclasses
from pathlib import Path

from recipes.common.distilling import SMALL
from recipes.common.harness import flag


@dataclasses.dataclass
class Flags:
    """Flags; their checks open no file."""

    teacher: str = flag("", ".keras file of a classifier of images in 0-255")
    target: str = flag("", "folder of images of the place where the device runs; no label is read")
    source: str = flag("", "folder with one folder of labelled images for each class, for the comparison")
    test: str = flag("", "such a folder with images of the target's place, to score")
    student: str = flag(SMALL, f"{SMALL}: a network of six convolutions; or the handle of a backbone")
    prune: float = flag(0.0, "share of its channels that the teacher keeps as the student, instead of --student; 0: no")
    epochs: int = flag(30, "passes over the target")
    batch_size: int = flag(32, "images in a step")
    rate: float = flag(1e-3, "rate of Adam at the start; it falls to 0 along a cosine")
    temperature: float = flag(2.0, "of the teacher's answers: the larger, the more the unlikely classes count")
    augment: bool = flag(True, "mirror, turn and zoom the images a little, anew in every epoch")
    skip_unreadable: bool = flag(False, "go on without the images that cannot be read, and print how many")
    int8: bool = flag(True, "write int8 LiteRT files beside the float32 ones")
    smoke: bool = flag(False, "two steps on few images, to see that everything runs")

    def __post_init__(self):
        """Checks the flags one by one, and those that belong together."""
        self._require(Path(self.teacher or "-").is_file(), "must be a .keras file", "teacher")
        self._require(Path(self.target or "-").is_dir(), "must be a folder of images", "target")
        for name in ("source", "test"):
            path = getattr(self, name)
            self._require(not path or Path(path).is_dir(), "must be a folder", name)
        self._require(0 <= self.prune <= 1, "must lie between 0 and 1", "prune")
        self._require(not self.prune or self.student == SMALL, "takes the place of --student", "prune", "student")
        for name in ("epochs", "batch_size"):
            self._require(getattr(self, name) >= 1, "must be at least 1", name)
        for name in ("rate", "temperature"):
            self._require(getattr(self, name) > 0, "must be above 0", name)

    def _require(self, fits, rule, *names):
        if not fits:
            received = ", ".join(f"--{name.replace('_', '-')} {getattr(self, name)!r}" for name in names)
            raise ValueError(f"`--{names[0].replace('_', '-')}` {rule}. Received: {received}")
