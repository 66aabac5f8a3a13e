import keras
import numpy as np
import pytest

from tests.methods.hand import one_step, softmax
from tlkeras.methods import FixMatch
from tlkeras.methods.selftrain.fixmatch import MOMENTUM
from tlkeras.testing import common, toy_accuracy, turned_clusters
from tlkeras.transfer import TransferModel

RNG = np.random.default_rng(0)
XS, XT = RNG.normal(size=(6, 4)), RNG.normal(size=(5, 4))
STRONG = XT + RNG.normal(size=(5, 4))
KERNELS = [np.random.default_rng(22).normal(size=shape) for shape in ((4, 2), (2, 3))]


def expected(weak, strong, encoder, head, thresholds, rate):
    """The term, the new encoder and head, and which rows taught."""
    p, q = softmax(weak @ encoder @ head), softmax(strong @ encoder @ head)
    rows = [i for i in range(len(p)) if p[i].max() >= np.broadcast_to(thresholds, p.shape[1])[p[i].argmax()]]
    error = np.zeros_like(q)
    for i in rows:
        error[i] = (q[i] - np.eye(q.shape[1])[p[i].argmax()]) / len(q)
    term = -sum(np.log(q[i][p[i].argmax()]) for i in rows) / len(q)
    new_head = head - rate * (strong @ encoder).T @ error
    return term, encoder - rate * strong.T @ error @ head.T, new_head, rows


@pytest.mark.parametrize("strong", [STRONG, None])
def test_one_step_equals_the_hand_derivation(strong):
    """Only the strong view learns, `q - one_hot(argmax p)` for the certain rows; without it the target does."""
    method = FixMatch(threshold=0.5, strong_view="target" if strong is None else "target_strong")
    term, (encoder, head), after = one_step(method, XS, XT, rate=0.5, strong=strong, kernels=KERNELS)
    learner = XT if strong is None else strong
    wanted, new_encoder, new_head, rows = expected(XT, learner, encoder, head, 0.5, 0.5)
    assert 0 < len(rows) < len(XT)
    np.testing.assert_allclose(term, wanted, rtol=1e-5)
    np.testing.assert_allclose(after[0], new_encoder, atol=1e-6)
    np.testing.assert_allclose(after[1], new_head, atol=1e-6)
    np.testing.assert_allclose(float(method.confident.result()), len(rows) / len(XT), rtol=1e-6)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_flexible_thresholds_follow_what_was_learned(jit_compile):
    """Three steps: all rows teach in the first, then each class by its own moving average."""
    inputs = keras.Input((4,))
    features = keras.layers.Dense(2, use_bias=False, name="features")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, use_bias=False, name="logits")(features))
    model.set_weights(KERNELS)
    method = FixMatch(threshold=0.5, flexible=True, strong_view="target")
    transfer = TransferModel(model, [method])
    common.compile_model(transfer, learning_rate=0.1, jit_compile=jit_compile)
    learned = np.zeros(3)
    for step in range(3):
        encoder, head = (value.astype("float64") for value in model.get_weights())
        progress = learned / max(learned.max(), 1 - learned.sum())
        xt = (step + 1) * XT.astype("float32")
        term, new_encoder, _, rows = expected(xt, xt, encoder, head, 0.5 * progress / (2 - progress), 0.1)
        p = softmax(xt @ encoder @ head)
        certain = [np.mean([row.argmax() == k and row.max() >= 0.5 for row in p]) for k in range(3)]
        learned = MOMENTUM * learned + (1 - MOMENTUM) * np.array(certain)
        transfer.reset_metrics()
        views = {"source": XS.astype("float32"), "target": xt}
        logs = transfer.train_on_batch(views, {"source": np.zeros(6, int)}, {"source": np.zeros(6)}, return_dict=True)
        np.testing.assert_allclose(logs["fixmatch"], term, rtol=1e-4)
        np.testing.assert_allclose(logs["fixmatch_confident"], len(rows) / 5, rtol=1e-6)
        np.testing.assert_allclose(model.get_weights()[0], new_encoder, atol=1e-5)
        np.testing.assert_allclose(keras.ops.convert_to_numpy(method.learned), learned, atol=1e-6)
    assert len(set(learned)) > 1


def test_a_batch_without_a_certain_row_gives_exactly_zero():
    term, before, after = one_step(FixMatch(threshold=1.0), XS, XT, strong=STRONG)
    assert term == 0.0
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("flexible", [False, True])
def test_one_row_and_rows_beyond_doubt_stay_finite(flexible):
    for scale in (1.0, 1e4):
        method = FixMatch(threshold=0.3, flexible=flexible)
        term, _, after = one_step(method, XS, scale * XT[:1], strong=scale * STRONG[:1])
        assert np.isfinite(term) and all(np.isfinite(value).all() for value in after)


def test_a_collapse_shows_in_the_logs():
    transfer = TransferModel(common.small_model(), [FixMatch(strong_view="target")])
    common.compile_model(transfer)
    x, y = RNG.normal(size=(8, 4)).astype("float32"), RNG.integers(0, 3, 8)
    transfer.model.get_layer("logits").set_weights([np.zeros((8, 3)), np.array([0.0, 9.0, 0.0])])
    logs = transfer.test_on_batch({"source": x, "target": x}, {"source": y}, return_dict=True)
    assert logs["fixmatch_largest_class"] == logs["fixmatch_confident"] == 1.0
    assert set(transfer.evaluate(x, y, verbose=0, return_dict=True)) == {"loss"}


def noise(rows):
    return rows + keras.random.normal(keras.ops.shape(rows), stddev=0.2)


def test_solves_a_toy_that_source_only_does_not():
    domains = turned_clusters(angle=80.0)
    source_only = toy_accuracy(domains, [])
    assert source_only < 0.88
    assert toy_accuracy(domains, [FixMatch()], augmenters={"target_strong": noise}) >= source_only + 0.1


@pytest.mark.exhaustive
def test_plain_and_flexible_pseudo_labels_solve_the_toy():
    domains = turned_clusters(angle=80.0)
    for flexible in (False, True):
        assert toy_accuracy(domains, [FixMatch(flexible=flexible, strong_view="target")]) >= 0.97


@pytest.mark.parametrize("threshold", [-0.1, 1.5])
def test_a_wrong_threshold_is_refused(threshold):
    with pytest.raises(ValueError, match="`threshold` must be in \\[0, 1\\]. Received: threshold="):
        FixMatch(threshold=threshold)


@pytest.mark.parametrize(("shape", "classes", "rule"), [((6, 4), 3, "rank 2"), ((4,), 1, "at least 2 classes")])
def test_logits_of_another_shape_are_refused(shape, classes, rule):
    inputs = keras.Input(shape)
    model = keras.Model(inputs, keras.layers.Dense(classes, name="logits")(inputs))
    with pytest.raises(ValueError, match=f"`logits` must have {rule}.*Received"):
        TransferModel(model, [FixMatch()])
