"""Flags of the recipes that fine-tune on labelled images."""

import dataclasses
from pathlib import Path

from recipes.common.harness import flag


@dataclasses.dataclass
class FolderFlags:
    """Which images, which backbone, and how long to train."""

    data: str = flag("", "folder with one folder of images for each class")
    test: str = flag("", "such a folder to score; by default a part of --data")
    tfds: str = flag("", "data set that TFDS has prepared, instead of --data")
    data_dir: str = flag("", "with --tfds: where it was prepared")
    backbone: str = flag("MobileNetV2", "handle: DIR, FILE.tar.gz, https://, kaggle://, applications:NAME, preset:NAME")
    image_size: int = flag(0, "side of the images where the backbone leaves it open; 0: that of its pretraining")
    head_epochs: int = flag(30, "epochs of the head alone")
    epochs: int = flag(15, "epochs at --depth, after those")
    head_rate: float = flag(1e-3, "rate of Adam for the head alone, and from random weights")
    rate: float = flag(1e-4, "rate of Adam at --depth")
    batch_size: int = flag(32, "images in a step")
    test_fraction: float = flag(0.2, "part of --data to score, where there is no --test")
    skip_unreadable: bool = flag(False, "go on without the images that cannot be read, and print how many")
    cache: str = flag("", "folder of a feature cache that outlives the run and is shared; by default one in --out")

    def __post_init__(self):
        """Checks the flags one by one, and those that belong together."""
        for name in ("head_epochs", "epochs", "batch_size"):
            self._require(getattr(self, name) >= 1, "must be at least 1", name)
        for name in ("head_rate", "rate"):
            self._require(getattr(self, name) > 0, "must be above 0", name)
        self._require(self.image_size >= 0, "must be at least 1, or 0", "image_size")
        self._require(0 < self.test_fraction < 1, "must lie between 0 and 1", "test_fraction")
        self._require(bool(self.data) != bool(self.tfds), "and `--tfds`: give one of them", "data", "tfds")
        for name in ("data", "test"):
            path = getattr(self, name)
            self._require(not path or Path(path).is_dir(), "must be a folder", name)
        if self.data and self.test:
            data, test = Path(self.data).resolve(), Path(self.test).resolve()
            apart = not (data.is_relative_to(test) or test.is_relative_to(data))
            self._require(apart, "and `--test` must lie apart, or test images are trained on", "data", "test")

    def _require(self, fits, rule, *names):
        if not fits:
            received = ", ".join(f"--{name.replace('_', '-')} {getattr(self, name)!r}" for name in names)
            raise ValueError(f"`--{names[0].replace('_', '-')}` {rule}. Received: {received}")
