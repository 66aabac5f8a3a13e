"""The trials of a search over `recipes/image_folder.py`: models scored on training images that were held out."""

import dataclasses
import tempfile
from pathlib import Path

from recipes.common.finetuning import check, train
from recipes.common.folders import load, open_backbone
from tlkeras.data import stratified_split
from tlkeras.tuning import StopTrial

PARTS = (0.8, 0.2)  # of the training images: those that train, and those that score


class FolderTrials:
    """Trains models of the recipe, one call after another, on images that are read once.

    Args:
        flags: Its flags; those that say which images and which backbone hold for all trials.
        folder: `pathlib.Path` of the search.
        plan_of: Function of flags, the shape of an image and a seed to a `Plan`.

    Raises:
        ValueError: If the images or the backbone do not fit.
    """

    def __init__(self, flags, folder, plan_of):
        self.folder, self.plan_of = folder, plan_of
        self.backbone = open_backbone(flags)
        self.shape = self.backbone.input_shape[1:]
        self.images, _ = load(flags, self.shape, 0)
        self.parts = stratified_split(self.images.labels, PARTS, class_names=self.images.class_names)

    def __call__(self, flags, seed, report=None):
        """Trains one model and returns `{"score": its accuracy on the images that were held out}`.

        Args:
            flags: The flags of this trial.
            seed: Seed of its weights and of its order.
            report: Function of `(epoch, score)` that is told the accuracy on those images after every epoch, the head's
                first, and may raise `TrialStopped`; or None.

        Raises:
            tlkeras.tuning.TrialStopped: If it diverges, or `report` raises it.
            ValueError: If the flags do not fit the backbone.
        """
        if flags.depth == "search":
            raise ValueError("`--depth` must be searched, or be a number or all. Received: --depth search")
        if flags.smoke:
            flags = dataclasses.replace(flags, head_epochs=2, epochs=2)
        trained, held = self.parts
        stop = StopTrial(report=report, score="val_accuracy")
        plan = dataclasses.replace(self.plan_of(flags, self.shape, seed), callbacks=(stop,), scored=held)
        check([plan], self.backbone)
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".running_") as running:
            _, histories = train(plan, self.images, Path(running), "trial", trained)
        return {"score": list(histories.values())[-1]["val_accuracy"][-1]}
