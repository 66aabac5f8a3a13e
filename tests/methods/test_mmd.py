import keras
import numpy as np
import pytest

from tlkeras.methods import MMD
from tlkeras.testing import spurious_feature, toy_accuracy
from tlkeras.transfer import TransferModel


def mixture_mmd(source, target, width, multipliers):
    def mean_kernel(a, b):
        distances = ((a[:, None] - b[None]) ** 2).sum(-1)
        return np.mean([np.exp(-distances / (2 * m * width)).mean() for m in multipliers])

    return mean_kernel(source, source) + mean_kernel(target, target) - 2 * mean_kernel(source, target)


def test_one_step_equals_the_hand_derivation():
    """The value in NumPy, and its gradient by central differences at a fixed kernel width."""
    keras.utils.set_random_seed(0)
    multipliers = (0.5, 2.0)
    inputs = keras.Input((3,))
    features = keras.layers.Dense(2, use_bias=False, name="features")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(features))
    transfer = TransferModel(model, [MMD(multipliers=multipliers)])
    transfer.compile(keras.optimizers.SGD(1.0), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    random = np.random.default_rng(0)
    xs, xt = random.normal(size=(6, 3)).astype("float32"), random.normal(1, 1, size=(4, 3)).astype("float32")
    encoder = np.array(model.get_layer("features").kernel, dtype="float64")

    both = np.concatenate([xs, xt]) @ encoder
    width = ((both[:, None] - both[None]) ** 2).sum(-1)[~np.eye(10, dtype=bool)].mean()
    value = mixture_mmd(xs @ encoder, xt @ encoder, width, multipliers)
    gradient = np.zeros_like(encoder)
    for index in np.ndindex(encoder.shape):
        step = np.zeros_like(encoder)
        step[index] = 1e-4
        above, below = (mixture_mmd(xs @ w, xt @ w, width, multipliers) for w in (encoder + step, encoder - step))
        gradient[index] = (above - below) / 2e-4

    logs = transfer.train_on_batch(
        {"source": xs, "target": xt}, {"source": np.zeros(6, int)}, {"source": np.zeros(6)}, return_dict=True
    )
    np.testing.assert_allclose(logs["mmd"], value, rtol=1e-4)
    np.testing.assert_allclose(np.array(model.get_layer("features").kernel), encoder - gradient, atol=1e-4)


@pytest.mark.exhaustive
def test_solves_a_toy_that_source_only_does_not():
    domains = spurious_feature()
    source_only = toy_accuracy(domains, [])
    assert source_only < 0.65
    assert toy_accuracy(domains, [MMD(weight=5.0)]) >= source_only + 0.3


@pytest.mark.parametrize("multipliers", [(), (1.0, 0.0)])
def test_wrong_multipliers_are_refused(multipliers):
    with pytest.raises(ValueError, match="`multipliers` must hold numbers > 0"):
        MMD(multipliers=multipliers)
