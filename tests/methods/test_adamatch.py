import keras
import numpy as np
import pytest

from tests.methods.hand import one_step, softmax
from tlkeras.methods import AdaMatch
from tlkeras.methods.selftrain.adamatch import MOMENTUM
from tlkeras.testing import common, toy_accuracy, turned_clusters
from tlkeras.transfer import TransferModel

RNG = np.random.default_rng(0)
XS, XT = 3 * RNG.normal(size=(6, 4)), 4 * RNG.normal(size=(5, 4))
STRONG = XT + RNG.normal(size=(5, 4))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_three_steps_equal_the_hand_derivation(jit_compile):
    """Labels from aligned predictions, a threshold from the source; the gradient is `q - one_hot` of certain rows."""
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(3, use_bias=False, name="logits")(inputs))
    model.set_weights([np.random.default_rng(19).normal(size=(4, 3))])
    method = AdaMatch()
    transfer = TransferModel(model, [method])
    common.compile_model(transfer, learning_rate=0.1, jit_compile=jit_compile)
    wanted = np.full(3, 1 / 3)
    shares, changed = np.array([0.6, 0.2, 0.2]), 0
    method.target_shares.assign(shares)  # far from uniform, so that the alignment changes labels
    views = {"source": XS.astype("float32"), "target": XT.astype("float32"), "target_strong": STRONG.astype("float32")}
    for _ in range(3):
        kernel = model.get_layer("logits").get_weights()[0].astype("float64")
        source, target, strong = softmax(XS @ kernel), softmax(XT @ kernel), softmax(STRONG @ kernel)
        wanted = MOMENTUM * wanted + (1 - MOMENTUM) * source.mean(axis=0)
        shares = MOMENTUM * shares + (1 - MOMENTUM) * target.mean(axis=0)
        aligned = target * (wanted + 1e-6) / (shares + 1e-6)
        aligned = aligned / aligned.sum(axis=1, keepdims=True)
        rows = [i for i in range(5) if aligned[i].max() >= 0.9 * source.max(axis=1).mean()]
        assert 0 < len(rows) < 5
        changed += sum(aligned[i].argmax() != target[i].argmax() for i in rows)
        changed += len(rows) != sum(target.max(axis=1) >= 0.9 * source.max(axis=1).mean())
        term, error = 0.0, np.zeros_like(strong)
        for i in rows:
            label = aligned[i].argmax()
            term -= np.log(strong[i, label]) / 5
            error[i] = (strong[i] - np.eye(3)[label]) / 5
        transfer.reset_metrics()
        logs = transfer.train_on_batch(views, {"source": np.zeros(6, int)}, {"source": np.zeros(6)}, return_dict=True)
        np.testing.assert_allclose(logs["adamatch"], term, rtol=1e-4)
        np.testing.assert_allclose(logs["adamatch_confident"], len(rows) / 5, rtol=1e-6)
        np.testing.assert_allclose(model.get_weights()[0], kernel - 0.1 * STRONG.T @ error, atol=1e-5)
        np.testing.assert_allclose(keras.ops.convert_to_numpy(method.source_shares), wanted, atol=1e-6)
        np.testing.assert_allclose(keras.ops.convert_to_numpy(method.target_shares), shares, atol=1e-6)
    assert changed  # without the alignment the labels would have been others


def test_a_batch_without_a_certain_row_gives_exactly_zero():
    """The source is beyond doubt, the target is not."""
    term, before, after = one_step(AdaMatch(threshold=1.0), 1e4 * XS, 0.1 * XT, strong=STRONG)
    assert term == 0.0
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("rows", [(1, 1), (6, 1), (1, 5)])
def test_one_row_and_rows_beyond_doubt_stay_finite(rows):
    for scale in (1.0, 1e4):
        xs, xt, strong = (scale * x[:count] for x, count in ((XS, rows[0]), (XT, rows[1]), (STRONG, rows[1])))
        term, _, after = one_step(AdaMatch(threshold=0.5), xs, xt, strong=strong)
        assert np.isfinite(term) and all(np.isfinite(value).all() for value in after)


def noise(rows):
    return rows + keras.random.normal(keras.ops.shape(rows), stddev=0.2)


@pytest.mark.exhaustive
def test_solves_a_toy_that_source_only_does_not():
    domains = turned_clusters(angle=80.0)
    source_only = toy_accuracy(domains, [])
    assert source_only < 0.88
    assert toy_accuracy(domains, [AdaMatch()], augmenters={"target_strong": noise}) >= source_only + 0.1


@pytest.mark.parametrize("threshold", [-0.1, 1.5])
def test_a_wrong_threshold_is_refused(threshold):
    with pytest.raises(ValueError, match="`threshold` must be in \\[0, 1\\]. Received: threshold="):
        AdaMatch(threshold=threshold)


@pytest.mark.parametrize(("shape", "classes", "rule"), [((6, 4), 3, "rank 2"), ((4,), 1, "at least 2 classes")])
def test_logits_of_another_shape_are_refused(shape, classes, rule):
    inputs = keras.Input(shape)
    model = keras.Model(inputs, keras.layers.Dense(classes, name="logits")(inputs))
    with pytest.raises(ValueError, match=f"`logits` must have {rule}.*Received"):
        TransferModel(model, [AdaMatch()])
