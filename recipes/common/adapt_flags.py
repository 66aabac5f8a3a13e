"""The flags of `recipes/adapt_images.py`."""

import dataclasses
from pathlib import Path

from recipes.common.harness import flag
from recipes.common.method_flags import MethodFlags


@dataclasses.dataclass
class Flags(MethodFlags):
    """Flags; their checks need no image."""

    source: str = flag("", "folder with one folder of labelled images for each class")
    target: str = flag("", "folder of images of the other place; no label is read")
    test: str = flag("", "folder of labelled images of that place, to score")
    backbone: str = flag("MobileNetV2", "handle: DIR, FILE.tar.gz, https://, kaggle://, applications:NAME, preset:NAME")
    image_size: int = flag(0, "side of the images where the backbone leaves it open; 0: that of its pretraining")
    depth: str = flag("0", "blocks of the backbone to train, from the top: a number, or all")
    skip_unreadable: bool = flag(False, "go on without the images that cannot be read, and print how many")
    cache: str = flag("", "folder of a feature cache that outlives the run and is shared; by default one in --out")

    def __post_init__(self):
        """Checks the flags one by one, and those that belong together."""
        for name in ("source", "target"):
            self._require(Path(getattr(self, name) or "-").is_dir(), "must be a folder of images", name)
        self._require(not self.test or Path(self.test).is_dir(), "must be a folder", "test")
        self._require(self.depth == "all" or self.depth.isdecimal(), "must be a number, or all", "depth")
        self._require(self.image_size >= 0, "must not be negative", "image_size")
        super().__post_init__()

    @property
    def blocks(self):
        """The depth as `tlkeras.surgery.unfreeze` takes it."""
        return int(self.depth) if self.depth.isdecimal() else "all"
