"""A pretrained model, whatever its origin."""

import keras

from tlkeras.backbones.blocks import blocks
from tlkeras.backbones.fingerprints import digest_layer
from tlkeras.backbones.graph import FEATURES


@keras.saving.register_keras_serializable("tlkeras")
class Backbone(keras.Model):
    """A flat functional model from raw inputs to features, with what has to be known of it.

    Images go in as they come, in 0-255, uint8 or float: scaling to what the pretrained weights expect is the layer
    `scaling` inside. `from_hub`, `from_applications` and `from_preset` make one; all of Keras works on it.

    Example:
        >>> backbone = tlkeras.backbones.from_hub("saved_models/glyphs")
        >>> backbone.input_size, backbone.width, [block.name for block in backbone.blocks]
        ((8, 8), 128, ['conv_1', 'conv_2', 'conv_3', 'strokes'])
    """

    @property
    def input_size(self) -> tuple | None:
        """`(height, width)` of the images, or None for other inputs."""
        shape = getattr(self.input, "shape", ())
        return tuple(shape[1:3]) if len(shape) == 4 else None

    @property
    def value_range(self) -> tuple | None:
        """`(0, 255)` for images, None for other inputs."""
        return (0, 255) if self.input_size else None

    @property
    def width(self) -> int:
        """Number of features."""
        return self.output.shape[-1]

    @property
    def blocks(self) -> list:
        """Weighted blocks from the input to the output, see `tlkeras.backbones.blocks`."""
        return blocks(self)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the graph and the weights as they are now, in hexadecimal; see `digest_layer`."""
        return digest_layer(self)


def vector(tensor):
    """Returns a backbone's last tensor as features `(batch, width)` of a layer named `features`.

    A feature map is averaged over its positions.
    """
    rank = len(tensor.shape)
    if rank == 4:
        return keras.layers.GlobalAveragePooling2D(name=FEATURES)(tensor)
    if rank == 3:
        return keras.layers.GlobalAveragePooling1D(name=FEATURES)(tensor)
    return keras.layers.Identity(name=FEATURES)(tensor)
