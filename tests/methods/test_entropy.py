import keras
import numpy as np
import pytest

from tests.methods.hand import one_step, softmax
from tlkeras.methods import Entropy
from tlkeras.testing import common, toy_accuracy, turned_clusters
from tlkeras.transfer import TransferModel

RNG = np.random.default_rng(0)


def test_one_step_equals_the_hand_derivation():
    """`dH / dlogits = -p (log p + H)` for each row, through two linear layers."""
    xs, xt = RNG.normal(size=(6, 4)), RNG.normal(size=(5, 4))
    term, (encoder, head), (new_encoder, new_head) = one_step(Entropy(), xs, xt, rate=0.5)
    p = softmax(xt @ encoder @ head)
    entropy = -(p * np.log(p)).sum(axis=1, keepdims=True)
    to_logits = -p * (np.log(p) + entropy) / 5
    np.testing.assert_allclose(term, entropy.mean(), rtol=1e-5)
    np.testing.assert_allclose(new_head, head - 0.5 * (xt @ encoder).T @ to_logits, atol=1e-6)
    np.testing.assert_allclose(new_encoder, encoder - 0.5 * xt.T @ to_logits @ head.T, atol=1e-6)


@pytest.mark.parametrize("rows", [1, 2])
def test_one_row_and_rows_beyond_doubt_stay_finite(rows):
    for scale in (1.0, 1e4):
        term, _, after = one_step(Entropy(), RNG.normal(size=(6, 3)), scale * RNG.normal(size=(rows, 3)))
        assert np.isfinite(term) and all(np.isfinite(value).all() for value in after)


def test_a_collapse_shows_in_the_logs_and_only_where_the_method_ran():
    transfer = TransferModel(common.small_model(), [Entropy()])
    common.compile_model(transfer)
    x, y = RNG.normal(size=(8, 4)).astype("float32"), RNG.integers(0, 3, 8)
    transfer.model.get_layer("logits").set_weights([np.zeros((8, 3)), np.array([0.0, 9.0, 0.0])])
    logs = transfer.test_on_batch({"source": x, "target": x}, {"source": y}, return_dict=True)
    assert logs["entropy_largest_class"] == 1.0
    assert "entropy_largest_class" not in transfer.evaluate(x, y, verbose=0, return_dict=True)


@pytest.mark.exhaustive
def test_solves_a_toy_that_source_only_does_not():
    domains = turned_clusters(angle=80.0)
    source_only = toy_accuracy(domains, [])
    assert source_only < 0.88
    assert toy_accuracy(domains, [Entropy(weight=0.3)]) >= source_only + 0.1


@pytest.mark.parametrize(("shape", "classes", "rule"), [((6, 4), 3, "rank 2"), ((4,), 1, "at least 2 classes")])
def test_logits_of_another_shape_are_refused(shape, classes, rule):
    inputs = keras.Input(shape)
    model = keras.Model(inputs, keras.layers.Dense(classes, name="logits")(inputs))
    with pytest.raises(ValueError, match=f"`logits` must have {rule}.*Received"):
        TransferModel(model, [Entropy()])
