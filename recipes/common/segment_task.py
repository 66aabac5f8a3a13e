"""Drawn scenes, clean and labelled or at dusk, and a network that segments them: the task of `segment_shift`."""

import keras

from recipes.common.scenes import CLASSES, SIZE, scenes
from recipes.common.segmentation import SEGMENTATION
from recipes.common.small_net import small_net
from recipes.common.task import Rows, Task
from tlkeras import surgery
from tlkeras.backbones import from_handle

SHAPE = (SIZE, SIZE, 3)


class SegmentTask(Task):
    """Scenes that are drawn once; all of the network trains.

    Args:
        flags: `recipes.common.segment_flags.Flags`.
        seed: Draws the scenes.

    Raises:
        ValueError: If the backbone has no feature maps that fit.
    """

    problem = SEGMENTATION
    unit = "images"
    names = CLASSES
    backbone_rate = 1.0
    max_drop = 3.0

    def __init__(self, flags, seed):
        self.fingerprint = getattr(self._backbone(flags), "fingerprint", None)
        self.whole(flags, None)  # refuses a backbone that has no maps
        self.source, self.source_labels = scenes(flags.images, "clean", seed)
        self.target, _ = scenes(flags.images, "dusk", seed)
        self.test, self.test_labels = scenes(flags.test_images, "dusk", seed + 10_000)
        self.target_count = len(self.target)

    def _backbone(self, flags):
        if flags.backbone != "small":
            return from_handle(flags.backbone, trainable=True, input_shape=SHAPE)
        net = small_net(SHAPE, 2)
        return keras.Model(net.input, net.get_layer("features").output)

    def whole(self, flags, way):
        """Returns a new model on images, backbone and decoder."""
        return surgery.segmenter(self._backbone(flags), len(CLASSES), width=flags.width, stride=2)

    def cut(self, model, flags):
        """Returns all of the model, and the images."""
        return model, Rows(self.source, self.target, self.test)

    def target_inputs(self, indices):
        """Returns some target images."""
        return self.target[indices]
