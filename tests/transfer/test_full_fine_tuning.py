import keras
import numpy as np

from tlkeras.backbones import from_applications
from tlkeras.methods import DANN
from tlkeras.surgery import classifier
from tlkeras.transfer import TransferModel


def test_a_whole_convolutional_backbone_trains_with_a_method():
    """Two steps on images, on any backend: every layer moves, BatchNorm averages too."""
    keras.utils.set_random_seed(0)
    backbone = from_applications("MobileNetV2", trainable=True, weights=None, input_shape=(32, 32, 3), alpha=0.35)
    model = classifier(backbone, 3, bottleneck=8)
    transfer = TransferModel(model, [DANN(hidden=(8,), strength=1.0)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    transfer.compile(keras.optimizers.SGD(0.1), loss, jit_compile=keras.backend.backend() == "jax")
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 32, 32, 3), dtype="uint8")
    before = {variable.path: keras.ops.convert_to_numpy(variable).copy() for variable in model.variables}
    for _ in range(2):
        logs = transfer.train_on_batch(
            {"source": images[0], "target": images[1]}, {"source": np.arange(8) % 3}, return_dict=True
        )
        assert np.isfinite(logs["loss"]) and logs["dann"] > 0
    still = [
        variable.path
        for variable in model.variables
        if np.array_equal(before[variable.path], keras.ops.convert_to_numpy(variable))
    ]
    assert not [path for path in still if not path.endswith(("bias", "seed_generator_state"))], still
