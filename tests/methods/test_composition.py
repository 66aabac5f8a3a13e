"""Two methods in a list: adversarial with confusion, and sample-level with feature-level adaptation."""

import keras
import numpy as np
import pytest

from tlkeras.methods import CDAN, CORAL, MCC, DomainWeights
from tlkeras.testing import common
from tlkeras.transfer import TransferModel

RNG = np.random.default_rng(0)
VIEWS = {"source": RNG.normal(size=(6, 4)).astype("float32"), "target": RNG.normal(1, 1, (6, 4)).astype("float32")}
LABELS = {"source": np.array([0, 1, 2, 0, 1, 1])}
PAIRS = {
    "cdan_mcc": (lambda: CDAN(strength=1.0, hidden=(8,)), lambda: MCC(weight=0.5)),
    "co_adaptation": (lambda: DomainWeights(), lambda: CORAL(weight=10.0)),
}

pytestmark = pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)


def made(*functions):
    """A small model with some methods; a critic starts decided and everything from one seed."""
    keras.utils.set_random_seed(0)
    transfer = TransferModel(common.small_model(), [function() for function in functions])
    for method in transfer.methods:
        for block in getattr(getattr(method, "critic", None), "blocks", []):
            if isinstance(block, keras.layers.Dense):
                drawn = np.random.default_rng(1).normal(0, 0.3, block.kernel.shape)
                block.kernel.assign(drawn)
    common.compile_model(transfer)
    return transfer


def update(supervised, *functions):
    """What one step adds to each weight of the model, and the logs."""
    transfer = made(*functions)
    before = transfer.model.get_weights()
    weights = None if supervised else {"source": np.zeros(6)}
    logs = transfer.train_on_batch(VIEWS, LABELS, weights, return_dict=True)
    return [after - start for after, start in zip(transfer.model.get_weights(), before, strict=True)], logs


def test_the_step_is_the_sum_of_the_steps_of_both_and_both_are_logged(pair):
    (first, one), (second, two), (both, logs) = update(True, pair[0]), update(False, pair[1]), update(True, *pair)
    names = [function().name for function in pair]
    assert logs[names[0]] == pytest.approx(one[names[0]]) and logs[names[1]] == pytest.approx(two[names[1]])
    for alone, other, together in zip(first, second, both, strict=True):
        np.testing.assert_allclose(together, alone + other, atol=1e-6)
    assert np.abs(first[0]).max() > 1e-4 and np.abs(second[0]).max() > 1e-4


def test_it_is_saved_and_goes_on(pair, tmp_path):
    transfer = made(*pair)
    common.train(transfer, [(VIEWS, LABELS)] * 2)
    transfer.save(tmp_path / "m.keras")
    restored = keras.models.load_model(tmp_path / "m.keras")
    more = [(VIEWS, LABELS)] * 2
    np.testing.assert_allclose(common.train(restored, more), common.train(transfer, more), rtol=1e-6)
    assert [method.name for method in restored.methods] == [method.name for method in transfer.methods]
