"""Two places, each a folder of images, and a classifier on a backbone: the task of `recipes/adapt_images.py`."""

import keras

from recipes.common.adaptation import cut, head
from recipes.common.domains import load_domains
from recipes.common.folders import open_backbone
from recipes.common.task import Rows, Task
from tlkeras import cache, surgery
from tlkeras.backbones import from_handle


class ImageTask(Task):
    """Images that are read once; what lies below the trained blocks of the backbone runs once, too.

    Args:
        flags: `recipes.common.adapt_flags.Flags`.
        folder: `pathlib.Path`; features are kept in its `cache`, unless a flag names another folder.

    Raises:
        ValueError: If the images, the backbone or the depth do not fit.
    """

    unit = "images"

    def __init__(self, flags, folder):
        backbone = open_backbone(flags)
        surgery.unfreeze(surgery.classifier(backbone, 2), flags.blocks)  # refuses a depth that is not there
        self.shape, self.fingerprint = backbone.input_shape[1:], backbone.fingerprint
        self.domains = source, target, test = load_domains(flags, self.shape)
        self.names, self.source_labels, self.target_count = source.class_names, source.labels, len(target)
        self.test_labels = None if test is None else test.labels
        self.folder, self.features = flags.cache or folder / "cache", {}

    def whole(self, flags, way):
        """Returns a new model on images, backbone and head."""
        backbone = from_handle(flags.backbone, input_shape=self.shape if flags.image_size else None)
        model = head(backbone, len(self.names), way.bottleneck, flags.dropout)
        surgery.unfreeze(model, flags.blocks, freeze_bn="all")
        return model

    def cut(self, model, flags):
        """Returns the part above the frozen blocks, and its inputs."""
        frozen, part = cut(model, flags.blocks)
        return part, self._inputs_of(frozen, flags.blocks)

    def part(self, flags, way):
        """Returns the part alone: where the backbone has run, its features are all that a head needs."""
        if flags.blocks != 0 or 0 not in self.features:
            return self.cut(self.whole(flags, way), flags)
        inputs = keras.Input(self.features[0].source.shape[1:], name="features")
        return head(keras.Model(inputs, inputs), len(self.names), way.bottleneck, flags.dropout), self.features[0]

    def target_inputs(self, indices):
        """Returns some target images."""
        return self.domains.target[indices]

    def _inputs_of(self, frozen, depth):
        if depth not in self.features:
            found = [
                None if images is None else images.images() if frozen is None
                else cache.features(frozen, images, directory=self.folder)
                for images in self.domains
            ]  # fmt: skip
            self.features[depth] = Rows(*found)
        return self.features[depth]
