import keras
import numpy as np
import pytest
import scipy.special
import scipy.stats

from tlkeras.testing import common
from tlkeras.transfer import TransferModel
from tlkeras.validators import SelectEpoch, information_maximization


def test_equals_scipy_and_its_bounds():
    logits = np.random.default_rng(0).normal(size=(9, 4))
    p = scipy.special.softmax(logits, axis=1)
    expected = scipy.stats.entropy(p.mean(axis=0)) - scipy.stats.entropy(p, axis=1).mean()
    np.testing.assert_allclose(information_maximization(logits), expected, rtol=1e-4)
    np.testing.assert_allclose(information_maximization(np.zeros((5, 4))), 0, atol=1e-6)
    np.testing.assert_allclose(information_maximization(1e3 * np.eye(4)), np.log(4), rtol=1e-5)


@pytest.mark.parametrize("shape", [(0, 3), (5,)])
def test_empty_or_flat_logits_are_refused(shape):
    with pytest.raises(ValueError, match="at least one row"):
        information_maximization(np.zeros(shape))


def test_a_diverged_training_is_said_so():
    select = SelectEpoch(np.zeros((8, 4), "float32"), score=lambda logits: float("nan"))
    select.set_model(common.small_model())
    with pytest.raises(ValueError, match="training diverged; lower the learning rate. Received: score=nan"):
        select.on_epoch_end(0)


def test_the_callback_keeps_the_inference_weights_of_the_best_epoch():
    keras.utils.set_random_seed(0)
    model = TransferModel(common.small_model(), [])
    common.compile_model(model)
    scores, after = iter([0.1, 0.7, 0.3]), []
    select = SelectEpoch(np.zeros((8, 4), "float32"), score=lambda logits: next(scores))
    record = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: after.append(model.model.get_weights()))
    xs, ys = np.random.default_rng(0).normal(size=(16, 4)).astype("float32"), np.arange(16) % 3
    history = model.fit(xs, ys, epochs=3, verbose=0, callbacks=[select, record])
    assert history.history["target_score"] == [0.1, 0.7, 0.3]
    assert (select.best_epoch, select.best_score) == (1, 0.7)
    for kept, wanted in zip(select.best_weights, after[1], strict=True):
        np.testing.assert_array_equal(kept, wanted)
